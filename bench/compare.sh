#!/usr/bin/env bash
# How fast mail is accepted, beside Postfix and beside a server that does nothing,
# in turn in one run on one machine:
#   bench/compare.sh [-m MESSAGES] [-z "SIZES"] [-s "SESSIONS"] [-a AGENTS] [-o FILE]
#   default: -m 2000 -z "4096 102400 102400w" -s "1 10 50 100" -a 1 -o compare.jsonl
# Loaded are: postfix (into its hold queue), embedded and redis (Guichet's whole
# work: proof from a trusted network, parsing, sealing, one durable commit, the
# acknowledgement and a mail to each agent queued; sending is paused) and sink
# (go-smtp alone, which throws mail away). smtp-source loads them, a connection a
# message: its lines are all alike, and pack to nothing. A size that ends in w is
# of words of random letters, from guichet bench, which do not pack at all: a store
# writes as much for no other text. Then, loaded by
# guichet bench with a sender of its own for each message: the same while every
# mail that is owed leaves at once through a relay; sending alone; and how long a
# 250 takes at half the rate that was reached.
# PROCESSOR is microseconds a message, of the server and all that came from it
# (for redis: both). A size of 100 KB has a tenth of the messages, 100 at least.
# What a store does after the last 250, which is to index what tickets are found
# by, is waited for, so that it slows nobody else's turn down, and told apart.
# Needs Go, root, and Debian's postfix and redis-server. All that it starts
# listens on loopback, and is stopped and removed again.
set -euo pipefail
messages=2000 sizes='4096 102400 102400w' sessions='1 10 50 100' agents=1 out=compare.jsonl
while getopts m:z:s:a:o: flag; do
  case $flag in
    m) messages=$OPTARG ;; z) sizes=$OPTARG ;; s) sessions=$OPTARG ;; a) agents=$OPTARG ;; o) out=$OPTARG ;;
    *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
  esac
done
base=${BASE_PORT:-12600} # and the ten ports after it
: > "$out"
out=$(realpath "$out")
cd "$(dirname "$0")/.."
work=$(mktemp -d /tmp/guichet-compare-XXXXXX)
started=()
finish() {
  [ -d "$work/etc" ] && postfix -c "$work/etc" stop 2>/dev/null || true
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT
chmod 755 "$work"
go build -o "$work/" ./cmd/guichet ./bench/sink

# The servers.

declare -A port pids metrics
team=$(for i in $(seq "$agents"); do printf 'agent%s@acme.example, ' "$i"; done)
guichet() { # NAME NUMBER REDIS PAUSED
  port[$1]=$((base + $2)) metrics[$1]=$((base + $2 + 1))
  mkdir -p "$work/$1"
  cat > "$work/$1.yaml" <<YAML
hostname: mx.acme.example
data: $work/$1
redis: "$3"
smtp: {listen: ["127.0.0.1:${port[$1]}"], connections_per_address: 500}
trust: {networks: [127.0.0.0/8]}
log: {level: warn}
metrics: 127.0.0.1:${metrics[$1]}
outgoing: {via: "smtp://127.0.0.1:$((base + 9))?tls=none", paused: $4, concurrency: 50}
sites:
  - name: acme
    prefix: ACM
    queues: [{name: help, address: help@acme.example, agents: [$team]}]
YAML
  "$work/guichet" serve -c "$work/$1.yaml" > /dev/null 2> "$work/$1.log" &
  started+=($!)
  pids[$1]=$!
}

redis() { # NAME
  # A file that begins empty doubles, and so is rewritten, every few seconds; one of
  # some age is not.
  redis-server --port 0 --unixsocket "$work/$1.sock" --dir "$work" --appendfilename "$1.aof" --appenddirname "$1-aof" \
    --save '' --appendonly yes --appendfsync always --auto-aof-rewrite-min-size 4gb --maxmemory-policy noeviction > /dev/null &
  started+=($!)
  redis_pid=$!
  for _ in $(seq 100); do [ -S "$work/$1.sock" ] && return; sleep 0.1; done
  return 1
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
  port[postfix]=$1 pids[postfix]=$(cat "$work/spool/pid/master.pid")
}

listening() { # PORT…
  for p in "$@"; do
    for _ in $(seq 100); do (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null && continue 2; sleep 0.1; done
    echo "nothing listens on port $p" >&2
    return 1
  done
}

# What is measured.

ticks() { # PIDS: hundredths of a second that they, and all that came from them, used
  { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v roots="$*" '
    { pid = $1; sub(/^.*\) /, ""); parent[pid] = $2; used[pid] = $12 + $13 + $14 + $15 }
    END {
      split(roots, list, " "); for (i in list) root[list[i]] = 1
      for (pid in used) for (p = pid; p > 1; p = parent[p]) if (p in root) { sum += used[pid]; break }
      print sum + 0
    }'
}

value() { # PORT PATTERN: the sum of the metrics that it matches
  curl -sf "http://127.0.0.1:$1/metrics" | awk -v want="$2" '$0 ~ want { sum += $NF } END { printf "%.0f\n", sum }'
}

calc() { awk "BEGIN { printf \"$1\", $2 }"; }

measure() { # SERVER SESSIONS SIZE MESSAGES: sets rate and cost
  local begin end before after words=false
  before=$(ticks ${pids[$1]}) begin=$(date +%s.%N)
  if [ "$3" = "${3%w}" ]; then
    smtp-source -s "$2" -m "$4" -l "$3" -f marie@customer.example -t help@acme.example "127.0.0.1:${port[$1]}"
    end=$(date +%s.%N) rate=$(calc %.0f "$4 / ($end - $begin)")
  else
    words=true rate=$(calc %.0f "$(bench "$1" -s "$2" -n "$4" --size "${3%w}" | field rate)")
  fi
  after=$(ticks ${pids[$1]})
  cost=$(calc %.0f "($after - $before) * 10000 / $4")
  printf '{"server":"%s","sessions":%d,"size":%d,"words":%s,"messages":%d,"rate":%s,"cpu_us":%s}\n' \
    "$1" "$2" "${3%w}" $words "$4" "$rate" "$cost" >> "$out"
}

# settle waits until a store has nothing left to do, and sets after to what that
# cost in processor. How much there is to index is told as it was up to ten
# seconds ago: so it must have done nothing for as long, too.
settle() { # SERVER MESSAGES
  local begin last now quiet=0
  begin=$(ticks ${pids[$1]}) last=$begin
  until [ $quiet -ge 10 ] && [ "$(value "${metrics[$1]}" '^guichet_tickets_unindexed')" -eq 0 ]; do
    sleep 1
    now=$(ticks ${pids[$1]})
    if [ $((now - last)) -le 1 ]; then quiet=$((quiet + 1)); else quiet=0; fi
    last=$now
  done
  after=$(calc %.0f "($last - $begin) * 10000 / $2")
  printf '{"server":"%s","messages":%d,"index_us":%s}\n' "$1" "$2" "$after" >> "$out"
}

field() { # NAME: of a line of guichet bench --json
  grep -o "\"$1\":[0-9.]*" | head -1 | cut -d: -f2
}

# A row of a table for each number of sessions.
accept() { # SIZE
  local n=$messages s server p e r k
  [ "${1%w}" -lt 50000 ] || n=$((messages / 10 < 100 ? 100 : messages / 10))
  printf '\n%s messages of %s bytes%s, a connection each: messages a second, and processor\n\n' "$n" "${1%w}" "$([ "$1" = "${1%w}" ] || echo ' of words')"
  printf '%8s  %14s  %14s  %14s  %14s  %8s  %8s  %10s\n' sessions postfix embedded redis sink emb/pf redis/pf redis/sink
  for s in $sessions; do
    for server in postfix embedded redis sink; do
      measure $server "$s" "$1" "$n"
      eval "rate_$server=$rate cost_$server=$cost"
      [ $server = sink ] || [ $server = postfix ] && continue
      sent[$server]=$((${sent[$server]:-0} + n))
      settle $server "$n"
      eval "after_$server=$after"
    done
    p=$rate_postfix e=$rate_embedded r=$rate_redis k=$rate_sink
    printf '%8s  %6s %4s µs  %6s %4s µs  %6s %4s µs  %6s %4s µs  %8s  %8s  %10s\n' "$s" "$p" "$cost_postfix" "$e" "$cost_embedded" \
      "$r" "$cost_redis" "$k" "$cost_sink" "$(calc %.2f "$e/$p")" "$(calc %.2f "$r/$p")" "$(calc %.2f "$r/$k")"
  done
  printf 'indexing one afterwards: embedded %s µs, redis %s µs\n' "$after_embedded" "$after_redis"
}

bench() { # SERVER ARGUMENTS…
  local name=$1
  shift
  "$work/guichet" bench -c "$work/embedded.yaml" --yes-really --json --address "127.0.0.1:${port[$name]}" --to help@acme.example "$@"
}

# Accepting while every mail that is owed leaves at once.
deliver() {
  local s=50 server line begin due left end
  printf '\n%s messages of 4096 bytes in %s sessions, every mail that is owed delivered at once: messages a second\n\n' "$messages" "$s"
  printf '%14s  %10s  %18s\n' server accepted 'mails delivered'
  line=$(bench postfix -s $s -n "$messages")
  printf '%14s  %10.0f\n' postfix "$(field rate <<< "$line")"
  for server in embedded-out redis-out; do
    begin=$(date +%s.%N)
    line=$(bench $server -s $s -n "$messages")
    due=$((messages * (1 + agents))) left=0
    for _ in $(seq 600); do
      left=$(value "${metrics[$server]}" '^guichet_deliveries_total.*outcome="delivered"')
      [ "$left" -ge "$due" ] && break
      sleep 0.1
    done
    end=$(date +%s.%N)
    printf '%14s  %10.0f  %8.0f a second\n' $server "$(field rate <<< "$line")" "$(calc %.0f "$left / ($end - $begin)")"
    settle $server "$messages"
    [ "$left" -ge "$due" ] || echo "only $left of $due mails left" >&2
    printf '{"server":"%s","sessions":%d,"size":4096,"messages":%d,"rate":%s,"delivered":%d,"delivered_rate":%s}\n' \
      $server $s "$messages" "$(field rate <<< "$line")" "$left" "$(calc %.0f "$left / ($end - $begin)")" >> "$out"
  done
}

pause() { # SERVER true|false
  sed -i "s/paused: [a-z]*/paused: $2/" "$work/$1.yaml"
  kill -HUP ${pids[$1]%% *}
}

delivered() { value "${metrics[$1]}" '^guichet_deliveries_total.*outcome="delivered"'; }

# Sending alone what was accepted before: mails a second beside those that came.
drain() {
  local s=50 server line cpu begin end due
  printf '\n%s messages of 4096 bytes accepted in %s sessions, and then every mail that is owed delivered: a second\n\n' "$messages" "$s"
  printf '%14s  %10s  %14s\n' server accepted 'mails delivered'
  for server in embedded-out redis-out; do
    due=$(($(delivered $server) + messages * (1 + agents)))
    pause $server true
    sleep 1 # it reads its settings again
    line=$(bench $server -s $s -n "$messages")
    settle $server "$messages"
    cpu=$(ticks ${pids[$server]}) begin=$(date +%s.%N)
    pause $server false
    for _ in $(seq 600); do
      [ "$(delivered $server)" -ge "$due" ] && break
      sleep 0.2
    done
    end=$(date +%s.%N)
    rate=$(calc %.0f "$messages * (1 + $agents) / ($end - $begin)")
    cost=$(calc %.0f "($(ticks ${pids[$server]}) - $cpu) * 10000 / ($messages * (1 + $agents))")
    [ "$(delivered $server)" -ge "$due" ] || { echo "$server has not sent all in two minutes" >&2; continue; }
    printf '%14s  %10.0f  %6s %4s µs\n' $server "$(field rate <<< "$line")" "$rate" "$cost"
    printf '{"server":"%s","sessions":%d,"size":4096,"messages":%d,"rate":%s,"drained_rate":%s,"drained_cpu_us":%s}\n' \
      $server $s "$messages" "$(field rate <<< "$line")" "$rate" "$cost" >> "$out"
  done
}

# How long a 250 takes at half of what was reached.
half() {
  local server line
  printf '\n4096 bytes in 50 sessions at half the rate that was reached: milliseconds from the first byte of the content to the 250\n\n'
  printf '%14s  %10s  %8s  %8s  %8s  %8s\n' server 'a second' p50 p90 p99 max
  for server in postfix embedded redis; do
    line=$(bench $server -s 50 -n "$messages" --rate 50% | tail -1)
    latency=$(grep -o '"250":{[^}]*}' <<< "$line")
    printf '%14s  %10.0f  %8.1f  %8.1f  %8.1f  %8.1f\n' $server "$(field rate <<< "$line")" \
      "$(field p50 <<< "$latency")" "$(field p90 <<< "$latency")" "$(field p99 <<< "$latency")" "$(field max <<< "$latency")"
    printf '{"server":"%s","half_rate":%s,%s}\n' $server "$(field rate <<< "$line")" "$latency" >> "$out"
    [ $server = postfix ] && continue
    sent[$server]=$((${sent[$server]:-0} + 2 * messages))
    settle $server "$messages"
  done
}

# No figure stands for mail that was not kept.
kept() {
  sleep 10 # what lies in the store is told as it was up to ten seconds ago
  for server in embedded redis; do
    found=$(value "${metrics[$server]}" '^guichet_tickets[{]')
    [ "$found" -eq "${sent[$server]}" ] || { echo "$server keeps $found tickets of ${sent[$server]} messages" >&2; exit 1; }
  done
}

declare -A sent
redis paused
redis_paused=$redis_pid
redis sending
redis_sending=$redis_pid
guichet embedded 0 '' true
guichet redis 2 "unix://$work/paused.sock" true
guichet embedded-out 4 '' false
guichet redis-out 6 "unix://$work/sending.sock" false
pids[redis]="${pids[redis]} $redis_paused"
pids[redis-out]="${pids[redis-out]} $redis_sending"
postfix_hold $((base + 8))
smtp-sink -u postfix "127.0.0.1:$((base + 9))" 1000 &
started+=($!)
port[sink]=$((base + 10))
"$work/sink" -listen "127.0.0.1:${port[sink]}" 2> "$work/sink.log" &
started+=($!)
pids[sink]=$!
listening "${port[@]}" $((base + 9))

printf '%s, %s cores, %s, agents of the queue: %s\n' "$(uname -sr)" "$(nproc)" "$(date -u +%F)" "$agents"
for size in $sizes; do accept "$size"; done
deliver
drain
half
kept
echo
for server in embedded redis; do
  printf '%s: most memory %s\n' $server "$(awk '/VmHWM/ { printf "%.0f MiB", $2 / 1024 }' "/proc/${pids[$server]%% *}/status")"
done
