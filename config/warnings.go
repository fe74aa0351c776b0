package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"strings"
)

// leastTrackingBits is where guessing a tracking code begins to be worth while.
const leastTrackingBits = 40

// warnings is what is unsafe about settings that are right.
func warnings(d *decoder, c *Config) []Warning {
	var all []Warning
	warn := func(setting, format string, args ...any) {
		all = append(all, Warning{setting, fmt.Sprintf(format, args...)})
	}
	if !strings.Contains(c.Hostname, ".") {
		warn("hostname", "%q is no full name, and other hosts may refuse mail from it; write one that DNS knows", c.Hostname)
	}
	if c.adminChosen {
		warn("admin", "is not set, so mail to postmaster@ and abuse@ goes to %s", c.Admin)
	}
	if host, _, err := net.SplitHostPort(c.Metrics); err == nil && !isLoopback(host) {
		warn("metrics", "%s answers anybody who can reach it", c.Metrics)
	}
	if !c.SMTP.TLS.Enabled() && !allLoopback(c.SMTP.Listen) {
		warn("smtp.tls", "has no certificate, so mail comes in unencrypted")
	}
	warnTrust(c, warn)
	warnRedis(c, warn)
	warnOutgoing(c, warn)
	for _, s := range c.Sites {
		if bits := trackingBits(s.Codes.Tracking); bits < leastTrackingBits {
			warn("codes.tracking", "site %s: %d characters of these classes are few enough to be guessed; make them longer or add a class", s.Name, s.Codes.Tracking.Length)
		}
	}
	if d.wroteSecret(c) && othersMayRead(c.File) {
		warn("file", "%s holds a password and every user of this machine may read it; chmod 640, or write ${NAME} or file:PATH instead", c.File)
	}
	return all
}

type warnFunc = func(setting, format string, args ...any)

func warnTrust(c *Config, warn warnFunc) {
	for i, n := range c.Trust.Networks {
		setting := fmt.Sprintf("trust.networks[%d]", i)
		if n.Addr().IsLoopback() {
			warn(setting, "whatever runs on this machine may write as anybody, agents too; a mail exchanger here belongs to trust.relays")
		} else {
			warn(setting, "every host of %s may write as anybody, agents too", n)
		}
	}
}

func warnRedis(c *Config, warn warnFunc) {
	r := c.Redis
	if r.Embedded() {
		return
	}
	if c.Durability == DurabilityLocal {
		warn("durability", "local: what this Redis had not copied yet is lost when a replica takes over")
	}
	if r.Network == "unix" {
		return
	}
	for _, address := range r.Addresses {
		if host, _, _ := net.SplitHostPort(address); isLoopback(host) {
			continue
		}
		if !r.TLS {
			warn("redis", "%s is reached unencrypted; write rediss:// if it can", address)
		}
		if r.Password == "" {
			warn("redis", "%s is used without a password, so others can too", address)
		}
		return
	}
}

func warnOutgoing(c *Config, warn warnFunc) {
	told := map[string]bool{}
	once := func(setting, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); !told[setting+text] {
			told[setting+text] = true
			warn(setting, "%s", text)
		}
	}
	for _, s := range c.Sites {
		o := s.Outgoing
		if o.Paused {
			once("outgoing.paused", "no mail of site %s leaves until this is false", s.Name)
		}
		via := o.Via
		switch {
		case via.Scheme == ViaMaildir:
			once("outgoing.via", "mail goes to %s and never leaves this machine", via.Path)
		case via.Scheme == ViaDirect && via.TLS == TLSNone:
			once("outgoing.via", "tls=none: every mail travels in clear")
		case via.Scheme == ViaSMTP && via.TLS != TLSRequired && via.Password != "" && !isLoopback(via.Host):
			once("outgoing.via", "the password for %s may travel in clear; write ?tls=required", via.Host)
		case via.Scheme == ViaSMTP && via.TLS != TLSRequired && !isLoopback(via.Host):
			once("outgoing.via", "mail to %s may travel in clear; write ?tls=required if it can", via.Host)
		}
		if via.Scheme != ViaDirect {
			continue
		}
		for _, q := range s.Queues {
			if _, domain := splitAddress(q.Address); !signs(o.DKIM, domain) {
				once("outgoing.dkim", "has no key for %s, so its mail goes unsigned and large providers will refuse it", domain)
			}
		}
	}
}

// signs reports whether a key of this domain, or of one above it, is there.
func signs(keys []DKIM, domain string) bool {
	for _, k := range keys {
		if domain == k.Domain || strings.HasSuffix(domain, "."+k.Domain) {
			return true
		}
	}
	return false
}

// trackingBits is roughly how many bits a tracking code holds.
func trackingBits(t TrackingCode) float64 {
	alphabet := 0.0
	for _, class := range []struct {
		on        bool
		all, kept float64
	}{{t.Digits, 10, 8}, {t.Uppercase, 26, 23}, {t.Lowercase, 26, 23}, {t.Special, 10, 10}} {
		switch {
		case class.on && t.AvoidAmbiguous:
			alphabet += class.kept
		case class.on:
			alphabet += class.all
		}
	}
	return float64(t.Length) * math.Log2(max(1, alphabet))
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func allLoopback(listen []string) bool {
	for _, l := range listen {
		if host, _, err := net.SplitHostPort(l); err != nil || !isLoopback(host) {
			return false
		}
	}
	return true
}

// wroteSecret reports whether a password stands in the file itself.
func (d *decoder) wroteSecret(c *Config) bool {
	written := c.Redis.Password != "" && d.literal["redis"] || c.Outgoing.Via.Password != "" && d.literal["outgoing.via"]
	for i, s := range c.Sites {
		written = written || s.Outgoing.Via.Password != "" && d.literal[fmt.Sprintf("sites[%d].outgoing.via", i)]
	}
	return written
}

func othersMayRead(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().Perm()&0o004 != 0
}
