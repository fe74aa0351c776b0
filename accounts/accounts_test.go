package accounts

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"guichet/internal/testkit"
	"guichet/ticket"
)

const (
	link   = "https://my.acme.example/requests"
	marie  = ticket.Address("marie@customer.example")
	nobody = ticket.Address("eve@else.example")
)

// patience is how long pages may take here, also where much else is done.
const patience = time.Minute

// office is directories with a clock and a log that the test reads.
type office struct {
	*Accounts
	t   *testing.T
	now time.Time
	log bytes.Buffer
}

func newOffice(t *testing.T, s Settings) *office {
	s.Link, s.Timeout = link, patience
	o := &office{t: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	o.Accounts = New(map[string]Settings{"acme": s}, func() time.Time { return o.now }, slog.New(slog.NewTextHandler(&o.log, nil)))
	return o
}

func (o *office) want(who ticket.Address, known bool) {
	o.t.Helper()
	want := ""
	if known {
		want = link
	}
	if got := o.Link(context.Background(), "acme", who); got != want {
		o.t.Errorf("%s is invited to %q, want %q; log: %s", who, got, want, o.log.String())
	}
}

// fresh lets pass what is remembered.
func (o *office) fresh() { o.now = o.now.Add(rememberFor) }

func write(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestAFileNamesAddressesAndDomains(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.txt")
	o := newOffice(t, Settings{File: path})
	write(t, path, "\ufeff# ours\r\nMarie@Customer.example\r\n\r\n  @staff.example \nnot an address\n@\nlast@customer.example", o.now)
	for who, known := range map[ticket.Address]bool{
		marie: true, "MARIE@customer.example": true, "last@customer.example": true, "anybody@staff.example": true,
		nobody: false, "eve@customer.example": false, "eve@sub.staff.example": false, "x@evilstaff.example": false,
	} {
		o.want(who, known)
	}
	if got := o.Link(context.Background(), "bolt", marie); got != "" {
		t.Errorf("another site invites to %q", got)
	}
}

func TestAFileIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "accounts.txt")
	o := newOffice(t, Settings{File: path})
	write(t, path, "marie@customer.example\n", o.now)
	o.want(marie, true)
	write(t, path, "eve@else.example\n", o.now.Add(time.Second))
	o.fresh()
	o.want(marie, false)
	o.want(nobody, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	o.fresh()
	o.want(nobody, false)
	if !strings.Contains(o.log.String(), "site=acme") {
		t.Errorf("the log does not tell of a file that is gone: %s", o.log.String())
	}
	write(t, path, "eve@else.example\n", o.now.Add(2*time.Second))
	o.fresh()
	o.want(nobody, true)
}

// asked is a page that answers as the test says, and counts.
func asked(t *testing.T, answer http.HandlerFunc) (*httptest.Server, *atomic.Int32) {
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s, &n
}

func TestAPageIsAskedForTheAddress(t *testing.T) {
	const plus = ticket.Address("marie+a&b=c/../d#@customer.example")
	for _, place := range []string{"/lookup?address={address}&key=1", "/known/{address}"} {
		s, n := asked(t, func(w http.ResponseWriter, r *http.Request) {
			who := r.URL.Query().Get("address") + strings.TrimPrefix(r.URL.Path, "/known/")
			if r.URL.Path == "/lookup" {
				who = r.URL.Query().Get("address")
			}
			switch ticket.Address(who) {
			case marie, plus:
				w.WriteHeader(http.StatusNoContent)
			default:
				http.NotFound(w, r)
			}
		})
		o := newOffice(t, Settings{URL: s.URL + place})
		o.want(marie, true)
		o.want(plus, true)
		o.want(nobody, false)
		o.want(nobody, false)
		o.want(marie, true)
		if got := n.Load(); got != 3 {
			t.Errorf("it was asked %d times for three addresses", got)
		}
		o.fresh()
		o.want(marie, true)
		if got := n.Load(); got != 4 {
			t.Errorf("it was asked %d times, once more after a while", got)
		}
	}
}

// Whatever is no answer leaves nobody known, is told without the address, and
// is not asked again at once.
func TestAPageThatDoesNotAnswerKnowsNobody(t *testing.T) {
	elsewhere, told := asked(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for name, answer := range map[string]http.HandlerFunc{
		"a fault":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"a login":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"another host":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
		"a loop":        func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
		"a cut":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a long header": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) },
	} {
		t.Run(name, func(t *testing.T) {
			s, n := asked(t, answer)
			newOffice(t, Settings{URL: s.URL + "/?a={address}"}).wantSilence(n)
		})
	}
	if told.Load() != 0 {
		t.Error("the address was told to a host that the settings do not name")
	}
}

// wantSilence holds that nobody is known to a page, which is left alone for a
// while.
func (o *office) wantSilence(n *atomic.Int32) {
	o.t.Helper()
	o.want(marie, false)
	before := n.Load()
	o.want(nobody, false)
	if n.Load() != before {
		o.t.Error("it was asked again at once")
	}
	o.now = o.now.Add(restFor)
	o.want(nobody, false)
	if n.Load() == before {
		o.t.Error("it was never asked again")
	}
	if log := o.log.String(); !strings.Contains(log, "site=acme") || strings.Contains(log, "marie") || strings.Contains(log, "customer.example") {
		o.t.Errorf("the log: %s", log)
	}
}

// A page that hangs is left after its time.
func TestAPageThatHangsKnowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			n.Add(1)
			<-r.Context().Done()
		})}
		pipes := testkit.NewPipes()
		go func() { _ = server.Serve(pipes) }()
		defer server.Close()
		o := newOffice(t, Settings{URL: "http://accounts.acme.example/?a={address}"})
		page := (*o.sites.Load())["acme"].directory.(*page)
		page.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			return ours, pipes.Give(ctx, theirs)
		}
		began := time.Now()
		o.wantSilence(&n)
		if took := time.Since(began); took != 2*patience {
			t.Errorf("two questions took %s", took)
		}
	})
}

// A page may move within its host, and say as much as it likes.
func TestAPageMayMoveAndTalk(t *testing.T) {
	s, _ := asked(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/new?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		_, _ = w.Write(bytes.Repeat([]byte("known "), 1<<16))
	})
	newOffice(t, Settings{URL: s.URL + "/?a={address}"}).want(marie, true)
}

// Settings that are read again keep what is remembered where they are the same.
func TestSettingsReadAgain(t *testing.T) {
	s, n := asked(t, func(http.ResponseWriter, *http.Request) {})
	o := newOffice(t, Settings{URL: s.URL + "/?a={address}"})
	o.want(marie, true)
	same := Settings{URL: s.URL + "/?a={address}", Link: link, Timeout: patience}
	o.Update(map[string]Settings{"acme": same})
	o.want(marie, true)
	if n.Load() != 1 {
		t.Error("what was remembered is lost")
	}
	same.Link = "https://my.acme.example/new"
	o.Update(map[string]Settings{"acme": same})
	if got := o.Link(context.Background(), "acme", marie); got != same.Link {
		t.Errorf("invited to %q", got)
	}
	o.Update(nil)
	o.want(marie, false)
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	s := &site{directory: &file{path: filepath.Join(t.TempDir(), "accounts.txt")}, answers: map[string]answer{}}
	write(t, s.directory.(*file).path, "@customer.example\n", time.Now())
	for i := range maxAnswers + 10 {
		who := ticket.Address(string(rune('a'+i%26)) + strings.Repeat("x", i%60) + string(rune('0'+i/1000)) + "-" + time.Duration(i).String() + "@customer.example")
		if known, err := s.known(context.Background(), who, time.Time{}); !known || err != nil {
			t.Fatal(known, err)
		}
	}
	if len(s.answers) > maxAnswers {
		t.Errorf("%d answers are remembered", len(s.answers))
	}
}
