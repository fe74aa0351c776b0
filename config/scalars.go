package config

import (
	"io"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// largestSecret bounds what file: reads.
const largestSecret = 64 << 10

// resolve puts in what a value refers to: ${NAME} of the environment anywhere,
// and a whole file where it begins with file:. Neither is looked at again, so
// what comes from outside cannot refer further. $${ stands for ${ itself.
func (d *decoder) resolve(written string) (string, *problem) {
	var text strings.Builder
	for rest := written; ; {
		before, after, found := strings.Cut(rest, "${")
		text.WriteString(before)
		if !found {
			break
		}
		if s := text.String(); strings.HasSuffix(s, "$") {
			text.WriteString("{")
			rest = after
			continue
		}
		key, tail, closed := strings.Cut(after, "}")
		if !closed || !isEnvName(key) {
			return "", &problem{"a reference that cannot be read", "write ${NAME}, or $${ for these two characters themselves"}
		}
		value, ok := d.env(key)
		if !ok {
			return "", &problem{"the environment variable " + key + " is not set", "set it, or write the value here"}
		}
		text.WriteString(value)
		rest = tail
	}
	path, isFile := strings.CutPrefix(text.String(), "file:")
	if !isFile || !strings.HasPrefix(written, "file:") || strings.HasPrefix(path, "//") {
		return text.String(), nil
	}
	return d.readSecret(path)
}

func isEnvName(s string) bool {
	for i, r := range s {
		if r != '_' && !(r >= 'a' && r <= 'z') && !(r >= 'A' && r <= 'Z') && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// readSecret is the content of a file without the line end that editors add.
func (d *decoder) readSecret(path string) (string, *problem) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.dir, path)
	}
	f, err := openRegular(path)
	if err != nil {
		return "", &problem{"the file cannot be read (" + reason(err) + ")", "name one that this user can read; a relative path starts at the settings file"}
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, largestSecret+1))
	if err != nil {
		return "", &problem{"the file cannot be read (" + reason(err) + ")", "name a file with the value alone"}
	}
	if len(content) > largestSecret || !utf8.Valid(content) {
		return "", &problem{"the file is no short text", "name a file with the value alone"}
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}

// reason is what the system says, without the path that the reader sees anyway.
func reason(err error) string {
	for {
		inner, ok := err.(interface{ Unwrap() error })
		if !ok || inner.Unwrap() == nil {
			return err.Error()
		}
		err = inner.Unwrap()
	}
}

// mask hides user and password of an address that a mistake quotes.
func mask(text string) string {
	at := strings.LastIndexByte(text, '@')
	if at < 0 || !strings.Contains(text[:at], ":") {
		return text
	}
	scheme, _, _ := strings.Cut(text, "://")
	if len(scheme) >= at {
		return "…" + text[at:]
	}
	return scheme + "://…" + text[at:]
}

// parseInto sets v to what text stands for in v's type.
func parseInto(v reflect.Value, text, dir string) *problem {
	var value any
	var p *problem
	switch v.Interface().(type) {
	case bool:
		if text != "true" && text != "false" {
			return &problem{"neither true nor false", "write true or false"}
		}
		value = text == "true"
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return &problem{"not a whole number", "write it in digits"}
		}
		value = n
	case Size:
		value, p = parseSize(text)
	case time.Duration:
		value, p = parseDuration(text)
	case netip.Prefix:
		value, p = parsePrefix(text)
	case *time.Location:
		value, p = parseZone(text)
	case Week:
		value, p = parseWeek(text)
	case WorkTime:
		value, p = parseWorkTime(text)
	case Percent:
		value, p = parsePercent(text)
	case Redis:
		value, p = parseRedis(text)
	case Blobs:
		value, p = parseBlobs(text, dir)
	case Route:
		value, p = parseRoute(text, dir)
	default:
		v.SetString(text)
		return textForm(text)
	}
	if p == nil {
		v.Set(reflect.ValueOf(value))
	}
	return p
}

// textForm refuses what could break a header or a log line.
func textForm(text string) *problem {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return &problem{"control characters or line breaks in it", "write it on one line"}
	}
	return nil
}

// checkBounds holds a number, size or length of time against its min and max.
func checkBounds(v reflect.Value, tag reflect.StructTag) *problem {
	least, most := tag.Get("min"), tag.Get("max")
	bound := reflect.New(v.Type()).Elem()
	if least != "" && parseInto(bound, least, "") == nil && v.Int() < bound.Int() {
		return &problem{"less than " + least, rangeOf(least, most)}
	}
	if most != "" && parseInto(bound, most, "") == nil && v.Int() > bound.Int() {
		return &problem{"more than " + most, rangeOf(least, most)}
	}
	return nil
}

func rangeOf(least, most string) string {
	switch {
	case least == "":
		return "write at most " + most
	case most == "":
		return "write at least " + least
	}
	return "write " + least + " to " + most
}

// forms are what the check tag names: each gives the one spelling that a value
// is kept in.
var forms = map[string]func(string) (string, *problem){
	"address":    addressForm,
	"days":       daysForm,
	"domain":     domainForm,
	"hour":       hourForm,
	"http":       httpForm,
	"link":       linkForm,
	"listen":     listenForm,
	"lookup":     lookupForm,
	"name":       nameForm,
	"week hour":  weekHourForm,
	"month hour": monthHourForm,
	"socket":     socketForm,
}

// addressForm is a mail address with its domain in lower-case ASCII. Quoted
// local parts and several @ are refused: programs disagree about them.
func addressForm(text string) (string, *problem) {
	wrong := &problem{"not a mail address", "write it as name@example.com, without a display name"}
	at := strings.LastIndexByte(text, '@')
	if at <= 0 || at > 64 || len(text) > 254 {
		return "", wrong
	}
	local := text[:at]
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", wrong
	}
	for _, r := range local {
		if r <= ' ' || r == utf8.RuneError || strings.ContainsRune(`"(),:;<>@[\]`, r) || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return "", wrong
		}
	}
	domain, p := domainForm(text[at+1:])
	if p != nil {
		return "", wrong
	}
	return local + "@" + domain, nil
}

// domainForm is a domain in lower-case ASCII (RFC 5890), without a final dot.
func domainForm(text string) (string, *problem) {
	wrong := &problem{"not a domain", "write it as example.com"}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(text, "."))
	if err != nil || ascii == "" || len(ascii) > 253 {
		return "", wrong
	}
	for label := range strings.SplitSeq(ascii, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return "", wrong
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return "", wrong
		}
	}
	return ascii, nil
}

// listenForm is host:port where the host may be left out for all addresses.
func listenForm(text string) (string, *problem) {
	wrong := &problem{"no address to listen on", `write it as ":25", "127.0.0.1:2525" or "[::1]:2525"`}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return "", wrong
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", wrong
	}
	if _, err := netip.ParseAddr(host); host != "" && err != nil {
		if _, p := domainForm(host); p != nil {
			return "", wrong
		}
	}
	return text, nil
}

// socketForm is host:port, or the absolute path of a Unix socket.
func socketForm(text string) (string, *problem) {
	if filepath.IsAbs(text) {
		return text, nil
	}
	host, port, err := net.SplitHostPort(text)
	if n, bad := strconv.Atoi(port); err != nil || host == "" || bad != nil || n < 1 || n > 65535 {
		return "", &problem{"neither host:port nor the path of a socket", "write it as 127.0.0.1:3310 or /run/clamav/clamd.ctl"}
	}
	return text, nil
}

// httpForm is the address of a server near by, without a path.
func httpForm(text string) (string, *problem) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", &problem{"no address of a web server", "write it as http://127.0.0.1:11333"}
	}
	return u.Scheme + "://" + u.Host, nil
}

// hourForm is an hour of the day, on a clock of 24 hours.
func hourForm(text string) (string, *problem) {
	hour, err := time.Parse("15:04", text)
	if err != nil {
		return "", &problem{"no hour of the day", "write it as \"07:30\", or \"\" for none"}
	}
	return hour.Format("15:04"), nil
}

// weekHourForm is an hour of a day of the week.
func weekHourForm(text string) (string, *problem) {
	day, hour, _ := strings.Cut(strings.ToLower(text), " ")
	hour, p := hourForm(strings.TrimSpace(hour))
	if p != nil || !slices.Contains(strings.Fields("mon tue wed thu fri sat sun"), day) {
		return "", &problem{"no hour of a day of the week", "write it as \"mon 08:00\", or \"\" for none"}
	}
	return day + " " + hour, nil
}

// monthHourForm is an hour of a day that every month has.
func monthHourForm(text string) (string, *problem) {
	day, hour, _ := strings.Cut(text, " ")
	hour, p := hourForm(strings.TrimSpace(hour))
	if n, err := strconv.Atoi(day); p != nil || err != nil || n < 1 || n > 28 {
		return "", &problem{"no hour of a day that every month has", "write it as \"1 08:00\", with a day from 1 to 28, or \"\" for none"}
	}
	return strings.TrimLeft(day, "+0") + " " + hour, nil
}

// linkForm is a page that people are sent to.
func linkForm(text string) (string, *problem) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, " <>\"") {
		return "", &problem{"no page that people can be sent to", "write it as https://my.example.com/requests"}
	}
	return text, nil
}

// placeOfAddress is where a look-up has the address that it asks for.
const placeOfAddress = "{address}"

// lookupForm is a page to ask for an address, which nobody on the way may read.
func lookupForm(text string) (string, *problem) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.Fragment != "":
		return "", &problem{"no page to ask", "write it as https://intranet.example.com/lookup?address={address}"}
	case u.Scheme == "http" && !thisMachine(u.Hostname()):
		return "", &problem{"addresses would pass over the network in clear", "write https://, or ask a page of this machine"}
	case strings.Contains(u.Host, placeOfAddress) || strings.Count(text, placeOfAddress) != 1:
		return "", &problem{"nothing says where the address goes", "write {address} once, behind the host, as https://intranet.example.com/lookup?address={address}"}
	}
	return text, nil
}

// thisMachine reports whether what is sent to a host stays here.
func thisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// nameForm is a short name that is easy to type in a command and safe in a path.
func nameForm(text string) (string, *problem) {
	if len(text) > 32 || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || text[0] == '-' {
		return "", &problem{"not a short name", "write up to 32 small letters, digits and hyphens"}
	}
	return text, nil
}
