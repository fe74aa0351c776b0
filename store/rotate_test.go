package store_test

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"guichet/store"
	"guichet/store/engine/enginetest"
	"guichet/ticket"
)

// sideBySide are two daemons with one store, and what lets time pass for both.
func sideBySide(t *testing.T) (one, two *world, c *enginetest.Clock) {
	server := miniredis.RunT(t)
	c = enginetest.NewClock()
	opt := options(t, c)
	opt.Redis = "redis://" + server.Addr()
	return openWorld(t, opt, c.Advance), openWorld(t, opt, c.Advance), c
}

// proves reports whether a token of one daemon holds with another.
func proves(w *world, token string, id ticket.ID, p *ticket.Participant) bool {
	parsed, ok := ticket.ParseToken(token)
	return ok && w.Signer().Proves(parsed, "acme", id, p)
}

// TestANewTokenKeyReachesDaemonsThatRun has each daemon look for keys at its own
// time: at no moment does one sign with what the other does not know.
func TestANewTokenKeyReachesDaemonsThatRun(t *testing.T) {
	one, two, c := sideBySide(t)
	p := &ticket.Participant{Number: 1, Role: ticket.Requester}
	id := ticket.NewID(rand.Reader)
	sign := func(w *world) string { return w.Signer().Sign(ticket.ReplyToken, "acme", id, p) }
	old := sign(one)
	from, err := one.RotateTokens(ctx)
	if err != nil || from.Sub(one.now()) < 2*time.Minute {
		t.Fatalf("in use from %s, %v", from, err)
	}
	if _, err := two.RotateTokens(ctx); !errors.Is(err, store.ErrRotating) {
		t.Errorf("a second time at once: %v", err)
	}
	for minute := 0; one.now().Before(from.Add(2 * time.Minute)); minute++ {
		for i, w := range []*world{one, two} {
			if minute%2 == i {
				if err := w.RefreshKeys(ctx); err != nil {
					t.Fatal(err)
				}
			}
			for _, other := range []*world{one, two} {
				if !proves(other, sign(w), id, p) || !proves(other, old, id, p) {
					t.Fatalf("after %d minutes a token does not hold", minute)
				}
			}
		}
		c.Advance(time.Minute)
	}
	if sign(one) == old || sign(one) != sign(two) {
		t.Error("they do not both sign with the new key")
	}
	if restarted := one.again(); sign(restarted) != sign(one) || !proves(restarted, old, id, p) {
		t.Error("started again it does not go on so")
	}
}

// TestOldTokensHoldThroughManyRotations: fifteen further keys, and no more.
func TestOldTokensHoldThroughManyRotations(t *testing.T) {
	w := embedded(t)
	p := &ticket.Participant{Number: 1, Role: ticket.Requester}
	id := ticket.NewID(rand.Reader)
	old := w.Signer().Sign(ticket.ReplyToken, "acme", id, p)
	for n := range 16 {
		if holds := proves(w, old, id, p); !holds {
			t.Fatalf("it holds no more after %d rotations", n)
		}
		if _, err := w.RotateTokens(ctx); err != nil {
			t.Fatal(err)
		}
		w.advance(10 * time.Minute)
		if err := w.RefreshKeys(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if proves(w, old, id, p) {
		t.Error("its key was overwritten, and it still holds")
	}
	fresh := w.Signer().Sign(ticket.ReplyToken, "acme", id, p)
	if !proves(w, fresh, id, p) {
		t.Error("what it signs now does not hold")
	}
}

// TestCodesHoldThroughOneRotation: a code that is about is good after the first,
// and void after the second.
func TestCodesHoldThroughOneRotation(t *testing.T) {
	one, two, c := sideBySide(t)
	code := "34679CDF"
	live := &ticket.Challenge{ID: ticket.NewID(rand.Reader)}
	live.Digest = one.Pepper().Digest(live.ID, code)
	meets := func(w *world, c *ticket.Challenge) bool { return w.Pepper().Meets(c, []string{code}) }
	rotate := func() {
		from, err := one.RotatePepper(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for one.now().Before(from.Add(time.Minute)) {
			if err := errors.Join(one.RefreshKeys(ctx), two.RefreshKeys(ctx)); err != nil {
				t.Fatal(err)
			}
			fresh := &ticket.Challenge{ID: ticket.NewID(rand.Reader)}
			fresh.Digest = two.Pepper().Digest(fresh.ID, code)
			if !meets(one, fresh) || !meets(two, fresh) {
				t.Fatal("a code of now does not hold")
			}
			c.Advance(time.Minute)
		}
	}
	before := one.Pepper().Digest(live.ID, code)
	rotate()
	if !meets(one, live) || !meets(two, live) || one.Pepper().Digest(live.ID, code) == before {
		t.Error("a code from before does not hold, or the key is not new")
	}
	rotate()
	if meets(one, live) || meets(two, live) {
		t.Error("a code from before the last key but one still holds")
	}
}

// TestADaemonFollowsTheMasterKey: it runs on through a rekey, and takes over
// what is wrapped after it as soon as it finds the new file.
func TestADaemonFollowsTheMasterKey(t *testing.T) {
	w, tool, c := sideBySide(t)
	file := filepath.Join(w.opt.Data, "master.key")
	next := file + ".new"
	made := w.open("Cold heating")
	if err := tool.RekeyMaster(ctx, next); err != nil {
		t.Fatal(err)
	}
	if err := w.RefreshKeys(ctx); err == nil || !strings.Contains(err.Error(), "copy the new file there") {
		t.Errorf("without the new file it says %v", err)
	}
	w.open("Wet cellar") // it goes on meanwhile
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
	if err := w.RefreshKeys(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.RotateTokens(ctx); err != nil {
		t.Errorf("with the new master key: %v", err)
	}
	if _, err := w.RotatePepper(ctx); err != nil {
		t.Errorf("with the new master key: %v", err)
	}
	c.Advance(10 * time.Minute)
	again := w.again()
	if again.ticket(made.ID).Subject != "Cold heating" {
		t.Error("the ticket came back otherwise")
	}
}

// TestKeysThatOthersMayReadAreRefused, and so is a directory in which others may
// put another key in the place of ours.
func TestKeysThatOthersMayReadAreRefused(t *testing.T) {
	w := embedded(t)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := w.opt.Data
	file := filepath.Join(dir, "master.key")
	for _, c := range []struct {
		path string
		mode os.FileMode
		want string
	}{
		{file, 0o644, "chmod 600 " + file},
		{file, 0o604, "chmod 600 " + file},
		{file, 0o660, "chmod 600 " + file},
		{file, 0o640, ""}, // a group that the administrator chose
		{file, 0o400, ""},
		{dir, 0o777, "chmod 700 " + dir},
		{dir, 0o702, "chmod 700 " + dir},
		{dir, 0o755, ""}, // as /etc/guichet is
	} {
		for path, mode := range map[string]os.FileMode{file: 0o600, dir: 0o700} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(ctx, w.opt)
		if err == nil {
			err = s.Close()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s with mode %o: %v, want %q", c.path, c.mode, err, c.want)
		}
	}
}
