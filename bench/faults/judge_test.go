//go:build linux

package main

import (
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"guichet/ticket"
)

// played is a small play that went well: two mails in one ticket, one notice.
func played() ([]*fate, *found, []handed, map[int]time.Time) {
	first := &fate{mail: &mail{seed: 1, number: 1}, tries: 2, accepted: 1}
	second := &fate{mail: &mail{seed: 1, number: 2, answers: first.mail}, tries: 1, accepted: 1}
	f := &found{
		articles: map[string][]article{
			first.messageID():  {{"ACM-1", true}},
			second.messageID(): {{"ACM-1", true}},
		},
		notices: map[string]notice{"a@mx": {ticket.Delivered, "anna@acme.example"}},
	}
	mails := []handed{{MessageID: "a@mx", To: "anna@acme.example", Taken: true, Answered: true, At: noon, Life: 1}}
	return []*fate{first, second}, f, mails, map[int]time.Time{}
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// again hands the first mail over once more, in another life.
func again(mails []handed, after time.Duration) []handed {
	h := mails[0]
	h.At, h.Life = h.At.Add(after), 2
	return append(mails, h)
}

func TestTheJudgeSees(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func([]*fate, *found, *[]handed, map[int]time.Time)
		wrong string // "" is nothing
	}{
		"nothing": {func([]*fate, *found, *[]handed, map[int]time.Time) {}, ""},
		"a loss":  {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) { delete(f.articles, s[0].messageID()) }, "lost"},
		"a double": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.articles[s[0].messageID()] = []article{{"ACM-1", true}, {"ACM-2", true}}
		}, "doubled"},
		"a double of what got no answer": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			s[0].accepted, s[0].abandoned = 0, true
			f.articles[s[0].messageID()] = []article{{"ACM-1", true}, {"ACM-1", true}}
		}, "doubled"},
		"one of what got no answer": {func(s []*fate, _ *found, _ *[]handed, _ map[int]time.Time) { s[0].accepted, s[0].abandoned = 0, true }, ""},
		"none of what got no answer": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			s[0].accepted, s[0].abandoned = 0, true
			delete(f.articles, s[0].messageID())
		}, ""},
		"what is never taken": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) { s[0].accepted = 0 }, "stuck"},
		"other bytes": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.articles[s[0].messageID()][0].whole = false
		}, "truncated"},
		"a torn thread": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.articles[s[1].messageID()][0].ticket = "ACM-2"
		}, "torn"},
		"half a ticket": {func(_ []*fate, f *found, _ *[]handed, _ map[int]time.Time) { f.half = []string{"ACM-1"} }, "half"},
		"a foreign mail": {func(_ []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.articles["x"] = []article{{"ACM-3", true}}
		}, "strange"},
		"a held answer": {func(s []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.articles[s[1].messageID()][0].ticket = heldAside
		}, ""},
		"an index that is off": {func(_ []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.differences = []string{"reindex: off"}
		}, "reindex"},
		"a notice that never left": {func(_ []*fate, _ *found, m *[]handed, _ map[int]time.Time) { *m = nil }, "never was"},
		"a notice that is owed": {func(_ []*fate, f *found, _ *[]handed, _ map[int]time.Time) {
			f.notices["a@mx"] = notice{ticket.Queued, "anna@acme.example"}
		}, "is queued"},
		"a notice to another": {func(_ []*fate, _ *found, m *[]handed, _ map[int]time.Time) { (*m)[0].To = "eve@evil.example" }, "instead of"},
		"a mail of nobody's": {func(_ []*fate, _ *found, m *[]handed, _ map[int]time.Time) {
			*m = append(*m, handed{MessageID: "b@mx", Taken: true})
		}, "no notice"},
		"a notice sent twice": {func(_ []*fate, _ *found, m *[]handed, _ map[int]time.Time) { *m = again(*m, time.Second) }, "without need"},
		"a notice whose answer was cut": {func(_ []*fate, _ *found, m *[]handed, _ map[int]time.Time) {
			(*m)[0].Answered = false
			*m = again(*m, time.Hour)
		}, ""},
		"a notice that a kill forgot": {func(_ []*fate, _ *found, m *[]handed, killed map[int]time.Time) {
			*m = again(*m, time.Minute)
			killed[1] = noon.Add(time.Second)
		}, ""},
		"a notice that a kill long after should not forget": {func(_ []*fate, _ *found, m *[]handed, killed map[int]time.Time) {
			*m = again(*m, time.Hour)
			killed[1] = noon.Add(time.Minute)
		}, "without need"},
	} {
		fates, f, mails, killed := played()
		c.spoil(fates, f, &mails, killed)
		v := &verdict{}
		v.judge(fates, f, mails, killed)
		switch said := strings.Join(v.Wrong, "; "); {
		case c.wrong == "" && !v.good():
			t.Errorf("%s: %s", name, said)
		case c.wrong != "" && !strings.Contains(said, c.wrong):
			t.Errorf("%s is not seen, but %q", name, said)
		}
	}
}

// What an older program handed over while a newer one took its store, it could not
// write down.
func TestATakeoverExcusesWhatLeftDuringIt(t *testing.T) {
	for begin, excused := range map[time.Duration]bool{-time.Second: true, time.Second: true, time.Minute: false, -time.Minute: false} {
		fates, f, mails, killed := played()
		v := &verdict{takenOver: span{noon.Add(begin), noon.Add(begin + 5*time.Second)}}
		v.judge(fates, f, again(mails, time.Hour), killed)
		if v.good() != excused {
			t.Errorf("begun %v after it: %v", begin, v.Wrong)
		}
	}
}

// TestMailsAreMadeAgain: verifying makes the bytes of a mail a second time.
func TestMailsAreMadeAgain(t *testing.T) {
	files := 0
	for n := range 100 {
		m, again := &mail{seed: 7, number: n + 1}, &mail{seed: 7, number: n + 1}
		raw := string(m.raw())
		if raw != string(again.raw()) || !strings.Contains(raw, m.marker()) || strings.Contains(strings.ReplaceAll(raw, "\r\n", ""), "\n") {
			t.Fatalf("mail %d is not as it should be", n)
		}
		if m.file() != nil {
			files++
		}
	}
	if files == 0 || files == 100 {
		t.Errorf("%d of 100 mails have a file", files)
	}
}

// What a daemon sent before it was killed is its own, though the relay reads it
// when the next one lives.
func TestAMailIsOfTheLifeThatConnected(t *testing.T) {
	var life atomic.Int64
	life.Store(1)
	r, err := newRelay(1, func() int { return int(life.Load()) })
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, err := textproto.Dial("tcp", r.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, _, err := c.ReadResponse(220); err != nil {
		t.Fatal(err)
	}
	life.Store(2)
	for _, step := range []struct {
		line string
		code int
	}{{"DATA", 354}, {"Message-ID: <a@mx>\r\n\r\nHello\r\n.", 250}} {
		_ = c.PrintfLine("%s", step.line)
		if _, _, err := c.ReadResponse(step.code); err != nil {
			t.Fatal(err)
		}
	}
	if mails := r.kept(); len(mails) != 1 || mails[0].Life != 1 || mails[0].MessageID != "a@mx" {
		t.Errorf("%+v", mails)
	}
}
