package smtpd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"guichet/envelope"
)

// TestDialogs plays the conversations in testdata. Each line of a file is one
// of these; "\r", "\n", "\x00" and the like are written as in Go:
//
//	# a remark
//	set NAME VALUE       a setting, before all else
//	from ADDRESS         a new client, from 192.0.2.7 unless said
//	C: TEXT              the client says TEXT and CRLF
//	c: TEXT              the client says TEXT as it is
//	c: TEXT * N          the same N times
//	S: TEXT              a reply whose last line begins with TEXT
//	s: TEXT              the same, and the connection stays silent after it
//	STARTTLS             the client makes TLS of it
//	END                  the door hangs up, without another word
//	HANGUP               the client hangs up
//	WAIT DURATION        nothing happens for so long
//	stored N             so many messages are stored by now
//	data TEXT            the last of them is TEXT
//	to ADDRESS…          the last of them has these recipients
//	trace TEXT           the last of them has TEXT in its trace lines
//	untraced TEXT        the last of them has no TEXT there
//	counted NAME N       Metrics were told so
//	logged TEXT          the log has TEXT
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogs", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			certificate() // made outside of the bubble, to be shared
			synctest.Test(t, func(t *testing.T) { (&dialog{t: t}).play(string(text)) })
		})
	}
}

type dialog struct {
	t        *testing.T
	settings Settings
	door     *door
	client   *caller
}

func (d *dialog) play(text string) {
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		verb, argument, _ := strings.Cut(line, " ")
		act, ok := dialogVerbs[verb]
		if !ok {
			d.t.Fatalf("line %d: no such verb: %s", i+1, verb)
		}
		if verb != "set" && d.door == nil {
			d.door = openDoor(d.t, d.settings, nil)
		}
		if verb != "set" && verb != "from" && d.client == nil {
			d.client = d.door.dial(d.t, "192.0.2.7")
		}
		synctest.Wait() // so that a reply is there by now, or does not come by itself
		if err := act(d, argument); err != nil {
			d.t.Fatalf("line %d: %s: %v\nlog:\n%s", i+1, line, err, d.door.log)
		}
	}
	d.client.conn.Close()
	synctest.Wait()
	if d.door.tally.get("connected") != 0 || len(d.door.clients)+len(d.door.perAddress) != 0 {
		d.t.Error("a client is still counted")
	}
	if log := d.door.log.String(); strings.Contains(log, "customer@") {
		d.t.Errorf("the log names a requester:\n%s", log)
	}
}

var dialogVerbs = map[string]func(*dialog, string) error{
	"set": (*dialog).set,
	"from": func(d *dialog, address string) error {
		d.client = d.door.dial(d.t, address)
		return nil
	},
	"C:": func(d *dialog, line string) error { d.client.send(unescape(line) + "\r\n"); return nil },
	"c:": func(d *dialog, text string) error {
		text, times, ok := strings.Cut(text, " * ")
		n := 1
		if ok {
			n, _ = strconv.Atoi(times)
		}
		d.client.send(strings.Repeat(unescape(text), n))
		return nil
	},
	"S:":       (*dialog).hear,
	"s:":       (*dialog).hearLast,
	"STARTTLS": func(d *dialog, _ string) error { d.client.startTLS(); return nil },
	"HANGUP":   func(d *dialog, _ string) error { return d.client.conn.Close() },
	"END": func(d *dialog, _ string) error {
		if err := d.there(); err != nil {
			return err
		}
		if reply := d.client.hear(); reply != "" {
			return fmt.Errorf("heard %q", reply)
		}
		return nil
	},
	"WAIT": func(d *dialog, duration string) error {
		wait, err := time.ParseDuration(duration)
		time.Sleep(wait)
		return err
	},
	"stored": func(d *dialog, n string) error {
		synctest.Wait()
		return same(strconv.Itoa(len(d.door.house.messages())), n)
	},
	"data":  func(d *dialog, text string) error { return same(string(d.last().Data), unescape(text)) },
	"trace": func(d *dialog, text string) error { return has(string(d.last().Trace), unescape(text)) },
	"untraced": func(d *dialog, text string) error {
		if has(string(d.last().Trace), text) == nil {
			return fmt.Errorf("got %q", d.last().Trace)
		}
		return nil
	},
	"to": func(d *dialog, list string) error {
		var got []string
		for _, r := range d.last().Recipients {
			got = append(got, string(r.Address))
		}
		return same(strings.Join(got, " "), list)
	},
	"counted": func(d *dialog, what string) error {
		synctest.Wait()
		i := strings.LastIndexByte(what, ' ')
		return same(strconv.Itoa(d.door.tally.get(what[:i])), what[i+1:])
	},
	"logged": func(d *dialog, text string) error { synctest.Wait(); return has(d.door.log.String(), text) },
}

func (d *dialog) last() envelope.Envelope {
	synctest.Wait()
	all := d.door.house.messages()
	if len(all) == 0 {
		d.t.Fatal("nothing is stored")
	}
	return all[len(all)-1]
}

func (d *dialog) set(argument string) error {
	name, value, _ := strings.Cut(argument, " ")
	n, _ := strconv.Atoi(value)
	switch name {
	case "bare_newline":
		d.settings.BareNewline = map[string]BareNewline{"normalize": Normalize, "reject": Reject}[value]
	case "max_size":
		d.settings.MaxSize = int64(n)
	case "max_recipients":
		d.settings.MaxRecipients = n
	case "max_errors":
		d.settings.MaxErrors = n
	case "tls":
		d.settings = withTLS(d.settings)
	default:
		return fmt.Errorf("no such setting")
	}
	return nil
}

func (d *dialog) hear(want string) error {
	if err := d.there(); err != nil {
		return err
	}
	reply := strings.Split(strings.TrimSuffix(d.client.hear(), "\n"), "\n")
	if last := reply[len(reply)-1]; !strings.HasPrefix(last, want) {
		return fmt.Errorf("heard %q", reply)
	}
	return nil
}

// there reports that something can be heard without waiting for it.
func (d *dialog) there() error {
	select {
	case line, ok := <-d.client.lines:
		if ok {
			d.client.ahead = line
		}
		return nil
	default:
		return errors.New("silence")
	}
}

func (d *dialog) hearLast(want string) error {
	if err := d.hear(want); err != nil {
		return err
	}
	synctest.Wait()
	if n := len(d.client.lines); n > 0 {
		return fmt.Errorf("and then %q", d.client.hear())
	}
	return nil
}

func unescape(s string) string {
	out, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`)
	if err != nil {
		panic(err.Error() + ": " + s)
	}
	return out
}

func same(got, want string) error {
	if got != want {
		return fmt.Errorf("got %q", got)
	}
	return nil
}

func has(got, part string) error {
	if !strings.Contains(got, part) {
		return fmt.Errorf("got %q", got)
	}
	return nil
}
