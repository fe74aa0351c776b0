package store_test

import (
	"crypto/rand"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/ticket"
)

// lived is a site with something of everything that hangs on a key or a digest.
type lived struct {
	*world
	maries []*ticket.Ticket
	eves   *ticket.Ticket
	reply  string // Message-ID of a mail of Marie's
	taken  string // a delivery that was made
	brake  ticket.Brake
	left   int // mails that the brake lets pass
}

// liveOn fills a site.
func (w *world) liveOn() *lived {
	w.Helper()
	maries, eves := w.office()
	c, t := w.opening("By mail")
	c.Spammers = []ticket.Spammer{{Address: "spam@else.example", Proved: true}}
	c.Profiles = []ticket.Profile{{Address: "anna@acme.example", Others: []ticket.Address{"anna@home.example"}, Notify: "x"}}
	w.commit(c)
	l := &lived{world: w, maries: append(maries, w.ticket(t.ID)), eves: eves, reply: c.Tickets[0].MessageIDs[0], taken: c.Seen[0],
		brake: ticket.Brake{Counter: "hour marie@customer.example", Limit: 100, Window: time.Hour}, left: 100}
	if err := w.RecordAct(ctx, store.Act{Site: "acme", Did: store.ActExported, By: "anna", Why: "she asked", Who: l.who()[0]}); err != nil {
		w.Fatal(err)
	}
	l.passes()
	return l
}

func (l *lived) who() []string {
	l.Helper()
	who, err := l.Who(ctx, "acme", eve)
	if err != nil {
		l.Fatal(err)
	}
	return who
}

// passes takes one from the brake.
func (l *lived) passes() {
	l.Helper()
	l.brake.Limit = 100 - l.left + 1
	n := ticket.Notice{ID: rand.Text(), Site: "acme", Brakes: []ticket.Brake{l.brake}}
	if refused, err := l.Allow(ctx, n); err != nil || refused != nil {
		l.Errorf("mail %d: refused by %v, %v", l.brake.Limit, refused, err)
	}
	l.left--
	n.ID = rand.Text()
	if refused, err := l.Allow(ctx, n); err != nil || refused == nil {
		l.Errorf("the brake forgot what it had counted: %v", err)
	}
}

// works holds that the site does everything, whatever goes on with its keys.
func (l *lived) works() {
	l.Helper()
	byMail := l.maries[2]
	l.facts(ticket.Query{MessageIDs: []string{l.reply}}) // as each message begins
	for _, t := range l.maries[:2] {
		l.whole(l.world, t)
	}
	f := l.facts(ticket.Query{MessageIDs: []string{l.reply}, Tracking: []string{byMail.Tracking}, Seen: []string{l.taken},
		Address: eve, Sender: "spam@else.example", Profiles: []ticket.Address{"anna@home.example"}})
	if p := f.Profiles["anna@home.example"]; p == nil || p.Notify != "x" {
		l.Errorf("what an agent chose is lost: %+v", p)
	}
	if f.ByMessageID[l.reply] != byMail.ID || f.ByTracking[byMail.Tracking] != byMail.ID || !f.Seen[l.taken] {
		l.Errorf("its thread is lost: %v, %v, %v", f.ByMessageID, f.ByTracking, f.Seen)
	}
	if !cmp.Equal(f.Own, []ticket.ID{l.eves.ID}) || !f.Enrolled || !f.Spammer.Sent(ticket.ProofDomain) {
		l.Errorf("who they are is lost: own %v, enrolled %v, spammer %v", f.Own, f.Enrolled, f.Spammer)
	}
	if m, err := l.Enrolment(ctx, "acme", eve); err != nil || m.Name != "Eve" {
		l.Errorf("the enrolment is %+v, %v", m, err)
	}
	if page, err := l.HeldMail(ctx, "acme", "", 10); err != nil || len(page.Items) != 2 {
		l.Errorf("held are %+v, %v", page, err)
	}
	if page, err := l.Outbox(ctx, "acme", nil, "", 1000); err != nil || len(page.Items) < 5 {
		l.Errorf("the outbox holds %d mails, %v", len(page.Items), err)
	}
	acts, err := l.Acts(ctx, "acme", "", 10)
	if err != nil || len(acts.Items) != 1 || !strings.Contains(strings.Join(l.who(), " "), acts.Items[0].Who) {
		l.Errorf("the acts are %+v, %v", acts, err)
	}
	l.passes()
	// What is new, and what is changed, is found from now on.
	byMail = l.ticket(byMail.ID)
	byMail.Subject += "!"
	l.change(byMail)
	l.maries[2] = l.ticket(byMail.ID)
	c, t := l.opening("New")
	letter := l.mint.Letter(ticket.Asked, "acme", "help", ticket.Mailbox{Address: eve}, "en", l.now())
	c.Notices = []ticket.Notice{letter}
	l.commit(c)
	if got := l.facts(ticket.Query{MessageIDs: c.Tickets[0].MessageIDs}); got.Tickets[t.ID] == nil {
		l.Error("what is new is not found by its Message-ID")
	}
	if _, err := l.Notice(ctx, "acme", letter.ID); err != nil {
		l.Error(err)
	}
}

func (w *world) keyFields() map[string][]byte {
	w.Helper()
	fields, err := w.KeyFields(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return fields
}

// dying gives between for Beside that lets some commits pass.
func dying(left int) func() error {
	return func() error {
		if left--; left < 0 {
			return errPower
		}
		return nil
	}
}

// TestASiteGetsANewKeyWhateverBreaksOff kills the program at its first commit, at
// its second, and so on, once before it is done and once when its answer is lost.
// The daemon beside it, which has the old key in its memory, goes on each time; and
// so does one that starts anew.
func TestASiteGetsANewKeyWhateverBreaksOff(t *testing.T) {
	for _, after := range []bool{false, true} {
		eachEngine(t, func(w *world) {
			l := w.liveOn()
			old := w.keyFields()
			kills := 0
			for {
				tool := w.Beside(after, dying(kills))
				wrapped, lost, err := tool.RekeySites(ctx, []string{"acme"}, nil)
				l.works()
				if lost != 0 {
					w.Fatalf("%d keys are lost", lost)
				}
				if err == nil {
					if kills < 2 {
						w.Errorf("it ended after %d kills with %d keys wrapped anew", kills, wrapped)
					}
					break
				}
				if !errors.Is(err, errPower) || kills > 20 {
					w.Fatal(err)
				}
				kills++
				l.world = &world{TB: w.TB, Store: w.Beside(false, func() error { return nil }), opt: w.opt, advance: w.advance, now: w.now, mint: w.mint}
				l.works()
				l.world = w
			}
			now := w.keyFields()
			if len(now) != len(old) || string(now["site:acme"]) == string(old["site:acme"]) {
				w.Errorf("the keys are %d, were %d", len(now), len(old))
			}
			closed, open, err := w.Unopened(ctx, "acme")
			if err != nil || len(closed) > 0 || open < 10 {
				w.Errorf("under the new key alone do not open: %v of %d, %v", closed, open, err)
			}
			l.works()
			w.consistent()
			again := w.again()
			l.world = again
			l.works()
		})
	}
}

// TestNothingIsWrappedUnderAKeyThatIsReplaced: a daemon goes on between any two
// steps of it, with whatever it knows.
func TestNothingIsWrappedUnderAKeyThatIsReplaced(t *testing.T) {
	eachEngine(t, func(w *world) {
		l := w.liveOn()
		for range 210 { // more than one commit takes
			w.open("One of many")
		}
		for range 2 {
			steps := 0
			tool := w.Beside(false, func() error {
				steps++
				l.works()
				return nil
			})
			wrapped, lost, err := tool.RekeySites(ctx, []string{"acme", "globex"}, nil)
			if err != nil || wrapped < 220 || lost > 0 || steps < 8 {
				w.Fatalf("%d wrapped anew, %d lost, in %d steps: %v", wrapped, lost, steps, err)
			}
		}
		if closed, _, err := w.Unopened(ctx, "acme"); err != nil || len(closed) > 0 {
			w.Errorf("under the new key alone do not open: %v, %v", closed, err)
		}
		w.consistent()
	})
}

// TestTwoWhoRekeyAtOnceDoItOnce: neither takes back what the other did.
func TestTwoWhoRekeyAtOnceDoItOnce(t *testing.T) {
	for step := range 5 {
		w := embedded(t)
		l := w.liveOn()
		n := 0
		one := w.Beside(false, func() error {
			if n++; n != step+1 {
				return nil
			}
			_, _, err := w.Beside(false, func() error { return nil }).RekeySites(ctx, []string{"acme"}, nil)
			return err
		})
		if _, _, err := one.RekeySites(ctx, []string{"acme"}, nil); err != nil {
			t.Fatalf("at step %d: %v", step, err)
		}
		l.works()
		if closed, _, err := w.Unopened(ctx, "acme"); err != nil || len(closed) > 0 {
			t.Errorf("at step %d: under the new key alone do not open: %v, %v", step, closed, err)
		}
	}
}

// TestTheMasterKeyChangesWhileASitesDoes, at each step of the other.
func TestTheMasterKeyChangesWhileASitesDoes(t *testing.T) {
	for step := range 6 {
		w := embedded(t)
		l := w.liveOn()
		file := filepath.Join(w.opt.Data, "master.key")
		n := 0
		tool := w.Beside(false, func() error {
			if n++; n != step+1 {
				return nil
			}
			return w.ChangeMaster(ctx, file)
		})
		if _, lost, err := tool.RekeySites(ctx, []string{"acme"}, nil); err != nil || lost > 0 {
			t.Fatalf("at step %d: %d lost, %v", step, lost, err)
		}
		l.works()
		l.world = w.again()
		l.works()
	}
}

// TestLookUpKeysChangeWhateverBreaksOff: broken off, the site rests and nothing of
// it is lost; a daemon goes on with it by itself.
func TestLookUpKeysChangeWhateverBreaksOff(t *testing.T) {
	for _, after := range []bool{false, true} {
		eachEngine(t, func(w *world) {
			l := w.liveOn()
			for range 210 {
				w.open("One of many")
			}
			kills := 0
			for {
				_, err := w.Beside(after, dying(kills)).RenewLookups(ctx, "acme", nil)
				if err == nil {
					break
				}
				if !errors.Is(err, errPower) || kills > 20 {
					w.Fatal(err)
				}
				kills++
				l.restsOrWorks()
			}
			if kills < 3 {
				w.Errorf("it ended after %d kills", kills)
			}
			l.works()
			w.consistent()
			l.world = w.again()
			l.works()
			l.world.consistent()
		})
	}
}

// restsOrWorks holds that a site does all of its work or none of it.
func (l *lived) restsOrWorks() {
	l.Helper()
	c, _ := l.opening("In between")
	_, err := l.Commit(ctx, c)
	if err == nil {
		l.works()
		return
	}
	if !errors.Is(err, store.ErrRenewing) && !errors.Is(err, ticket.ErrConflict) {
		l.Errorf("it rests with %v", err)
	}
	_, err = l.Facts(ctx, ticket.Query{Site: "acme", MessageIDs: []string{l.reply}})
	wantError(l, err, store.ErrRenewing)
	_, err = l.Ticket(ctx, "acme", l.eves.ID)
	wantError(l, err, store.ErrRenewing)
	if _, err := l.Lease(ctx, 10, time.Minute); err != nil {
		l.Errorf("other sites wait for it: %v", err)
	}
	if _, err := l.Facts(ctx, ticket.Query{Site: "globex"}); err != nil {
		l.Errorf("another site rests too: %v", err)
	}
}

// TestADaemonGoesOnWithLookUpKeys that somebody began to renew and left so.
func TestADaemonGoesOnWithLookUpKeys(t *testing.T) {
	eachEngine(t, func(w *world) {
		l := w.liveOn()
		before := w.everything()
		if _, err := w.Beside(false, dying(3)).RenewLookups(ctx, "acme", nil); !errors.Is(err, errPower) {
			w.Fatal(err)
		}
		l.restsOrWorks()
		w.advance(2 * time.Minute)
		if err := w.LookForKeys(ctx); err != nil {
			w.Fatal(err)
		}
		l.works()
		if len(before) == 0 {
			w.Error("there was nothing")
		}
	})
}

// TestADaemonThatKnowsOldNamesWritesAndFindsNothingUnderThem: it learns of the new
// ones by what it is about to do wrong.
func TestADaemonThatKnowsOldNamesWritesAndFindsNothingUnderThem(t *testing.T) {
	eachEngine(t, func(w *world) {
		l := w.liveOn()
		for range 3 {
			if n, err := w.Beside(false, func() error { return nil }).RenewLookups(ctx, "acme", nil); err != nil || n < 10 {
				w.Fatalf("%d renamed, %v", n, err)
			}
			l.works() // and it had the keys of before in its memory
			w.consistent()
		}
		c, _ := w.opening("The same again")
		c.Tickets[0].MessageIDs = []string{l.reply}
		if _, err := w.Beside(false, func() error { return nil }).RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		_, err := w.Commit(ctx, c)
		wantError(w, err, ticket.ErrConflict) // it is decided again, by what is found now
		if f := w.facts(ticket.Query{MessageIDs: []string{l.reply}}); f.ByMessageID[l.reply] != l.maries[2].ID {
			w.Error("the thread was moved")
		}
	})
}

// TestNothingIsCalledAsBefore, in any byte of the store that a tool can list.
func TestNothingIsCalledAsBefore(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.liveOn()
		old, err := w.Digests(ctx, "acme")
		if err != nil || len(old) < 15 {
			w.Fatalf("%v, %v", old, err)
		}
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		now, err := w.Digests(ctx, "acme")
		if err != nil || len(now) != len(old) {
			w.Errorf("%d names of before, %d of now, %v", len(old), len(now), err)
		}
		for name := range now {
			if old[name] {
				w.Errorf("%s is called as before", name)
			}
		}
	})
}

// TestBackupsOfBeforeNewKeysAreRestored, with their own key file, and forget what
// was erased after both kinds of key were changed.
func TestBackupsOfBeforeNewKeysAreRestored(t *testing.T) {
	eachEngine(t, func(w *world) {
		l := w.liveOn()
		dir := w.TB.(*testing.T).TempDir()
		old := w.backup(dir)
		w.advance(day)
		if _, lost, err := w.RekeySites(ctx, []string{"acme"}, nil); err != nil || lost > 0 {
			w.Fatal(lost, err)
		}
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		erased := w.eraseEve()
		latest := w.backup(dir)
		for _, stamp := range []string{old.Stamp, latest.Stamp} {
			opt := w.elsewhere(false)
			if done := restore(w, opt, dir, stamp); len(done.Broken) > 0 || done.Tickets != 3 {
				w.Errorf("restored from %s: %+v", stamp, done)
			}
			there := openWorld(w, opt, w.advance)
			for _, t := range l.maries[:2] {
				there.whole(w, t)
			}
			there.nothingOf(l.eves, erased)
			there.consistent()
			// And there, keys change again.
			if _, lost, err := there.RekeySites(ctx, []string{"acme"}, nil); err != nil || lost > 0 {
				w.Error(lost, err)
			}
			if _, err := there.RenewLookups(ctx, "acme", nil); err != nil {
				w.Error(err)
			}
			there.whole(w, l.maries[0])
			there.consistent()
		}
	})
}

// TestABackupIsOfOneSetOfKeys: it is begun again when they change meanwhile.
func TestABackupIsOfOneSetOfKeys(t *testing.T) {
	w := embedded(t)
	l := w.liveOn()
	dir := t.TempDir()
	began := 0
	m, err := w.Backup(ctx, dir, func(done, total int) {
		if done != 1 || began == 1 {
			return
		}
		began++
		other := w.Beside(false, func() error { return nil })
		if _, _, err := other.RekeySites(ctx, []string{"acme"}, nil); err != nil {
			t.Error(err)
		}
		if _, err := other.RenewLookups(ctx, "acme", nil); err != nil {
			t.Error(err)
		}
	})
	if err != nil || began != 1 {
		t.Fatalf("%d times, %v", began, err)
	}
	opt := w.elsewhere(false)
	if done := restore(t, opt, dir, m.Stamp); len(done.Broken) > 0 || done.Tickets != 4 {
		t.Errorf("restored: %+v", done)
	}
	there := openWorld(t, opt, w.advance)
	there.whole(w, l.maries[0])
	there.consistent()
}
