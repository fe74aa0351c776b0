#!/usr/bin/env bash
# How fast mail is accepted, beside Postfix, in one run on one machine:
#   bench/accept.sh [MESSAGES] [SIZE] [SESSIONS…]      default: 2000 4096 1 10 50
# Guichet does its whole work for each message (proof from a trusted network,
# parsing, sealing, one durable commit, three mails queued; sending is paused);
# Postfix takes it into its hold queue. Needs Go, root, and Debian's postfix,
# redis-server. Everything it starts listens on loopback and is stopped again.
set -euo pipefail
messages=${1:-2000} size=${2:-4096}
shift $(($# < 2 ? $# : 2))
sessions=${*:-1 10 50}
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/guichet-bench-XXXXXX)
started=()
finish() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  [ -d "$work/etc" ] && postfix -c "$work/etc" stop 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
chmod 755 "$work"
go build -o "$work/guichet" ./cmd/guichet

guichet() { # NAME PORT REDIS
  mkdir -p "$work/$1"
  cat > "$work/$1.yaml" <<YAML
hostname: mx.acme.example
data: $work/$1
redis: "$3"
smtp: {listen: ["127.0.0.1:$2"], connections_per_address: 500}
trust: {networks: [127.0.0.0/8]}
log: {level: warn}
outgoing: {via: "smtp://127.0.0.1:9?tls=none", paused: true}
sites:
  - name: acme
    prefix: ACM
    queues: [{name: help, address: help@acme.example, agents: [anna@acme.example, ben@acme.example]}]
YAML
  "$work/guichet" serve -c "$work/$1.yaml" > /dev/null 2> "$work/$1.log" &
  started+=($!)
  eval "pid_$1=$!"
}

postfix_hold() { # PORT
  mkdir -p "$work/etc" "$work/spool" "$work/lib"
  chown postfix "$work/lib"
  sed -E "s/^smtp +inet .*/127.0.0.1:$1 inet n - n - - smtpd/; s/^([a-z]+ +(unix|inet) +[n-] +[n-] +)y/\1n/" \
    /usr/share/postfix/master.cf.dist > "$work/etc/master.cf"
  cat > "$work/etc/main.cf" <<CF
compatibility_level = 3.6
queue_directory = $work/spool
data_directory = $work/lib
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.acme.example
mydestination =
mynetworks = 127.0.0.0/8
virtual_mailbox_domains = acme.example
virtual_mailbox_maps = static:x
smtpd_client_restrictions = static:HOLD
smtpd_tls_security_level = none
maillog_file = $work/maillog
maillog_file_prefixes = /tmp
alias_maps =
CF
  postfix -c "$work/etc" start 2>/dev/null
}

redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save '' --appendonly yes --appendfsync always \
  --maxmemory-policy noeviction > /dev/null &
started+=($!)
for _ in $(seq 100); do [ -S "$work/redis.sock" ] && break; sleep 0.1; done
guichet embedded 12525 ''
guichet redis 12526 "unix://$work/redis.sock"
postfix_hold 12527
for port in 12525 12526 12527; do
  for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break; sleep 0.1; done
done

rate() { # PORT SESSIONS
  local begin end
  begin=$(date +%s.%N)
  smtp-source -s "$2" -m "$messages" -l "$size" -f marie@customer.example -t help@acme.example "127.0.0.1:$1"
  end=$(date +%s.%N)
  awk -v n="$messages" -v t="$(echo "$end $begin" | awk '{print $1-$2}')" 'BEGIN {printf "%.0f", n/t}'
}

printf '%s messages of %s bytes, a connection each, on %s cores; messages a second\n\n' "$messages" "$size" "$(nproc)"
printf '%8s  %10s  %10s  %10s  %8s  %8s\n' sessions postfix embedded redis emb/pf redis/pf
for s in $sessions; do
  p=$(rate 12527 "$s") e=$(rate 12525 "$s") r=$(rate 12526 "$s")
  printf '%8s  %10s  %10s  %10s  %8s  %8s\n' "$s" "$p" "$e" "$r" "$(awk "BEGIN{printf \"%.2f\",$e/$p}")" "$(awk "BEGIN{printf \"%.2f\",$r/$p}")"
done
echo
for name in embedded redis; do
  pid=pid_$name
  printf '%s: most memory %s\n' "$name" "$(awk '/VmHWM/ {print $2/1024 " MiB"}' "/proc/${!pid}/status")"
done
