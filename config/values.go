package config

import (
	"log/slog"
	"net/netip"
	"strconv"
	"time"
)

// Size is a number of bytes, written as 512B, 64KiB, 25MiB or 1GiB.
type Size int64

// Durability is when a message counts as safe on Redis.
type Durability string

const (
	DurabilityAll   Durability = "all"
	DurabilityLocal Durability = "local"
)

// BareNewline is what happens to a CR or LF that stands alone.
type BareNewline string

const (
	BareNewlineNormalize BareNewline = "normalize"
	BareNewlineReject    BareNewline = "reject"
)

// OnFault is what happens to mail when a check of it fails.
type OnFault string

const (
	OnFaultPass     OnFault = "pass"
	OnFaultTempFail OnFault = "tempfail"
)

// Found is what happens to mail with a virus.
type Found string

const (
	FoundRefuse Found = "refuse"
	FoundHold   Found = "hold"
)

// Unproved is what happens to a request whose sender is not proved.
type Unproved string

const (
	UnprovedOpen    Unproved = "open"
	UnprovedConfirm Unproved = "confirm"
)

// Secret is a value that no log and no message shows.
type Secret string

// Reveal is the secret itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret from fmt.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "…"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.factor == 0 {
			return strconv.FormatInt(int64(s)/u.factor, 10) + u.name
		}
	}
	return "0"
}

var sizeUnits = []struct {
	name   string
	factor int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

var durationUnits = []struct {
	name   string
	factor time.Duration
}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// problem is what is wrong with one value, whose place the caller knows.
type problem struct{ what, remedy string }

// parseSize reads 512B, 64KiB, 25MiB, 1GiB and 0.
func parseSize(text string) (Size, *problem) {
	wrong := &problem{"not a size", "write a number with its unit: B, KiB, MiB or GiB, as 25MiB"}
	if text == "0" {
		return 0, nil
	}
	digits, unit := splitNumber(text)
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, wrong
	}
	for _, u := range sizeUnits {
		if u.name == unit && n <= (1<<62)/u.factor {
			return Size(n * u.factor), nil
		}
	}
	return 0, wrong
}

// parseDuration reads 180d, 1h30m, 45s and 0.
func parseDuration(text string) (time.Duration, *problem) {
	wrong := &problem{"not a length of time", "write numbers with their units: d, h, m or s, as 14d or 1h30m"}
	if text == "0" {
		return 0, nil
	}
	var sum time.Duration
	for rest := text; ; {
		digits, tail := splitNumber(rest)
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || tail == "" {
			return 0, wrong
		}
		unit := time.Duration(0)
		for _, u := range durationUnits {
			if u.name == tail[:1] {
				unit = u.factor
			}
		}
		if unit == 0 || n > int64((1<<62-sum)/unit) {
			return 0, wrong
		}
		sum += time.Duration(n) * unit
		if rest = tail[1:]; rest == "" {
			return sum, nil
		}
	}
}

func splitNumber(text string) (digits, rest string) {
	i := 0
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// parsePrefix reads 192.0.2.0/24, or one address for itself alone.
func parsePrefix(text string) (netip.Prefix, *problem) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, &problem{"not a network", "write as 192.0.2.0/24, 2001:db8::/32 or a single address"}
	}
	if prefix.Addr().Is4In6() {
		return netip.Prefix{}, &problem{"an IPv4 network in the clothes of IPv6", "write it as IPv4"}
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, &problem{"an address inside a network", "write " + prefix.Masked().String() + " for the network, or " + prefix.Addr().String() + " for this host"}
	}
	return prefix, nil
}

// parseZone reads a name of the time zone database.
func parseZone(text string) (*time.Location, *problem) {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" {
		return nil, &problem{"no time zone that is known", "write it as Europe/Paris, UTC or Local"}
	}
	return zone, nil
}
