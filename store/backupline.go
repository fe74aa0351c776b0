package store

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"guichet/store/engine"
)

// backupLine is one field, entry or pack of a backup's data or keys.
type backupLine struct {
	engine.Item
	// Expires is when the record vanishes; Left counts from no known time.
	Expires *time.Time `json:"expires,omitempty"`
}

// lineReading reads the lines of a backup as they are written: half of what a
// restoration does would otherwise be to read JSON of any kind.
type lineReading struct {
	last backupLine // whose names the next line shares, most often
}

// read reads a line; what is not as it is written here, as any JSON.
func (l *lineReading) read(text []byte) (line backupLine, err error) {
	if line, ok := l.quickly(text); ok {
		l.last = line
		return line, nil
	}
	line = backupLine{}
	err = json.Unmarshal(text, &line)
	return line, err
}

// quickly reads a line of the names that are written here, each once, without a
// blank or an escape. It reports whether that is what it is.
func (l *lineReading) quickly(text []byte) (line backupLine, ok bool) {
	rest, ok := bytes.CutPrefix(bytes.TrimSuffix(text, []byte("\n")), []byte("{"))
	if !ok || bytes.IndexByte(rest, '\\') >= 0 {
		return line, false
	}
	for {
		var name, value []byte
		if name, rest, ok = quoted(rest); !ok || len(rest) == 0 || rest[0] != ':' {
			return line, false
		}
		if rest = rest[1:]; len(rest) > 0 && rest[0] == '"' {
			value, rest, ok = quoted(rest)
			ok = ok && l.text(&line, name, value)
		} else {
			end := bytes.IndexAny(rest, ",}")
			if end < 0 {
				return line, false
			}
			value, rest = rest[:end], rest[end:]
			ok = line.number(name, value)
		}
		switch {
		case !ok || len(rest) == 0:
			return line, false
		case rest[0] == ',':
			rest = rest[1:]
		default:
			return line, string(rest) == "}"
		}
	}
}

// quoted cuts off what stands between quotes.
func quoted(text []byte) (inner, rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, nil, false
	}
	inner, rest, ok = bytes.Cut(text[1:], []byte(`"`))
	return inner, rest, ok
}

// text sets what stands in quotes.
func (l *lineReading) text(line *backupLine, name, value []byte) bool {
	switch string(name) {
	case "space":
		line.Space = engine.Space(same(string(l.last.Space), value))
	case "record":
		line.Record = same(l.last.Record, value)
	case "index":
		line.Index = same(l.last.Index, value)
	case "pack":
		line.Pack = string(value)
	case "name":
		line.Name = string(value)
	case "value":
		into := make([]byte, base64.StdEncoding.DecodedLen(len(value)))
		n, err := base64.StdEncoding.Strict().Decode(into, value)
		line.Value = into[:n]
		return err == nil
	case "expires":
		at, err := time.Parse(time.RFC3339Nano, string(value))
		line.Expires = &at
		return err == nil
	default:
		return false
	}
	return true
}

// same gives a text that was there before, or makes it.
func same(before string, now []byte) string {
	if before == string(now) {
		return before
	}
	return string(now)
}

// number sets what stands without quotes.
func (line *backupLine) number(name, value []byte) bool {
	if string(name) != "score" {
		return false
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	line.Score = engine.Score(n)
	return err == nil
}
