package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/ticket"
)

var eve = ticket.MustAddress("eve@elsewhere.example")

// office fills a store: two tickets of Marie's with files, one of Eve's, who also
// is copied on one of Marie's, wrote mail that was held, is enrolled, and is owed
// a mail of no ticket, and chose something as an agent.
func (w *world) office() (maries []*ticket.Ticket, eves *ticket.Ticket) {
	w.Helper()
	for i := range 2 {
		c, t := w.withBlobs(randomBytes(20<<10), randomBytes(30<<10))
		if i == 1 {
			t.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: eve}})
		}
		w.commit(c)
		maries = append(maries, w.ticket(t.ID))
	}
	c, t := w.withBlobs(randomBytes(40<<10), []byte("small"))
	t.Participants[0].Mailbox = ticket.Mailbox{Name: "Eve", Address: eve}
	mailbox := ticket.Mailbox{Name: "Eve", Address: eve}
	c.Enrol = []ticket.Mailbox{mailbox}
	c.Profiles = []ticket.Profile{{Address: eve, Others: []ticket.Address{"eve@phone.example"}, Notify: ticket.NotifyMine}}
	c.Held = []ticket.Held{
		{ID: "loose" + strings.ToLower(rand.Text()), Site: "acme", Queue: "help", Why: ticket.HeldUnproved, From: mailbox, Raw: "heldraw", At: w.now()},
		{ID: "inmaries" + strings.ToLower(rand.Text()), Site: "acme", Queue: "help", Ticket: maries[0].ID, Why: ticket.HeldStranger, From: mailbox, At: w.now()},
	}
	c.Blobs = append(c.Blobs, blobOf("heldraw", randomBytes(20<<10)))
	letter := w.mint.Letter(ticket.Asked, "acme", "help", mailbox, "en", w.now())
	c.Notices = []ticket.Notice{letter}
	w.commit(c)
	return maries, w.ticket(t.ID)
}

func (w *world) backup(dir string) store.Manifest {
	w.Helper()
	m, err := w.Backup(ctx, dir, nil)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// eraseEve erases all that is kept of her, as the program does.
func (w *world) eraseEve() *store.Person {
	w.Helper()
	found, err := w.Person(ctx, eve, []string{"acme"}, nil)
	if err != nil {
		w.Fatal(err)
	}
	p := found[0]
	for _, t := range p.Own {
		if err := w.Erase(ctx, "acme", t.ID); err != nil {
			w.Fatal(err)
		}
	}
	if err := w.EraseLoose(ctx, p); err != nil {
		w.Fatal(err)
	}
	return p
}

// elsewhere is an empty store with the master key of another, as on a machine
// that takes its place. The ledger lies there too.
func (w *world) elsewhere(redis bool) store.Options {
	w.Helper()
	opt := w.opt
	opt.Redis, opt.Data = "", w.TB.(*testing.T).TempDir()
	if redis {
		opt.Redis, opt.RedisNow = testkit.RedisFor(w.TB).URL(), opt.Now
	}
	opt.MasterKey = filepath.Join(w.opt.Data, "master.key")
	opt.Ledger = filepath.Join(w.opt.Data, "erased.ledger")
	return opt
}

func restore(t testing.TB, opt store.Options, dir, stamp string) store.Restored {
	t.Helper()
	done, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir, Stamp: stamp})
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// whole holds that a ticket is as it was, with its articles and files.
func (w *world) whole(was *world, want *ticket.Ticket) {
	w.Helper()
	if diff := cmp.Diff(want, w.ticket(want.ID)); diff != "" {
		w.Error(diff)
	}
	if _, err := w.ByTracking(ctx, "acme", want.Tracking); err != nil {
		w.Error(err)
	}
	if _, err := w.ByReference(ctx, want.Reference); err != nil {
		w.Error(err)
	}
	for _, id := range []ticket.BlobID{"raw", "photo"} {
		a, err := was.OpenBlob(ctx, "acme", want.ID, id)
		before := readBlob(w, a, err)
		b, err := w.OpenBlob(ctx, "acme", want.ID, id)
		if !bytes.Equal(before, readBlob(w, b, err)) {
			w.Errorf("blob %s came back otherwise", id)
		}
	}
}

// TestYesterdaysBackupForgetsWhatWasErasedToday: the person is in no byte of what
// is restored, and everybody else is whole, whichever engine it came from and
// goes to.
func TestYesterdaysBackupForgetsWhatWasErasedToday(t *testing.T) {
	eachEngine(t, func(w *world) {
		maries, eves := w.office()
		w.index()
		dir := filepath.Join(w.TB.(*testing.T).TempDir(), "backups")
		m, shelf := w.backup(dir), 0 // of each ticket
		if w.shelved {
			shelf = 1
		}
		if m.Sites["acme"] != 3 || m.Copied != 6+3*shelf || m.Blobs.Lines != m.Copied {
			w.Errorf("the manifest is %+v", m)
		}
		w.advance(day)
		erased := w.eraseEve()
		if len(erased.Own) != 1 || len(erased.Others) != 1 || len(erased.Held) != 2 || len(erased.Letters) != 1 || !erased.Enrolled || erased.Profile == nil {
			w.Fatalf("found of her: %+v", erased)
		}
		w.timers() // hers is nowhere
		for _, redis := range []bool{false, true} {
			opt := w.elsewhere(redis)
			done := restore(w, opt, dir, "")
			if done.Tickets != 2 || done.Forgotten != 1 || done.Mended > 0 || len(done.Broken) > 0 || done.Blobs != 4+2*shelf {
				w.Errorf("restored: %+v", done)
			}
			if done.KeptBack != 2 {
				w.Errorf("%d mails were kept back, want the two acknowledgements", done.KeptBack)
			}
			there := openWorld(w, opt, w.advance)
			for _, t := range maries {
				there.whole(w, t)
			}
			there.nothingOf(eves, erased)
			if leads, err := there.Leads(ctx, "acme"); err != nil || len(leads) != 2 || leads[eves.Reference.Number] != 0 {
				w.Errorf("words lead to the tickets %v, %v", leads, err)
			}
			there.finds(words("heating room"), maries[0].Subject, maries[1].Subject)
			for name, content := range there.everything() {
				if strings.Contains(name, ":alias:") || bytes.Contains(content, []byte("\x00alias:")) {
					w.Errorf("%s leads to a profile that is gone", name)
				}
			}
			if page, err := there.HeldMail(ctx, "acme", "", 10); err != nil || page.Total != 0 {
				w.Errorf("%d held mails, %v", page.Total, err)
			}
			if n := len(there.lease(10, time.Minute)); n != 0 {
				w.Errorf("%d mails would leave a second time", n)
			}
			there.consistent()
		}
	})
}

// nothingOf looks for a ticket, and for the other things of a person, in every
// byte of a store.
func (w *world) nothingOf(t *ticket.Ticket, p *store.Person) {
	w.Helper()
	_, err := w.Ticket(ctx, "acme", t.ID)
	wantError(w, err, store.ErrNotFound)
	_, err = w.Enrolment(ctx, "acme", p.Address)
	wantError(w, err, store.ErrNotFound)
	found, err := w.Person(ctx, p.Address, []string{"acme"}, nil)
	if err != nil || len(found[0].Own)+len(found[0].Letters) > 0 || found[0].Enrolled || found[0].Profile != nil {
		w.Errorf("found: %+v, %v", found[0], err)
	}
	needles := []string{t.ID.String(), p.Letters[0].ID}
	for _, h := range p.Held {
		if h.Ticket.IsZero() {
			needles = append(needles, h.ID)
		}
	}
	for name, content := range w.everything() {
		if strings.HasSuffix(name, ".ledger") {
			continue
		}
		for _, needle := range needles {
			if strings.Contains(name, needle) || bytes.Contains(content, []byte(needle)) {
				w.Errorf("%s holds %s", name, needle)
			}
		}
	}
}

// consistent holds that nothing is to be put right.
func (w *world) consistent() {
	w.Helper()
	err := w.Reindex(ctx, true, nil, func(d store.Difference) error {
		w.Errorf("%+v", d)
		return nil
	})
	if err != nil {
		w.Error(err)
	}
}

// TestABackupWithoutItsKeysIsNoise: with the key file of a later one, its data
// opens again, save what was erased between the two.
func TestABackupWithoutItsKeysIsNoise(t *testing.T) {
	eachEngine(t, func(w *world) {
		maries, eves := w.office()
		dir := w.TB.(*testing.T).TempDir()
		old := w.backup(dir)
		w.advance(20 * day)
		erased := w.eraseEve()
		w.advance(11 * day)
		pruned, err := store.PruneBackups(ctx, dir, w.now(), 30*day, 0)
		if err != nil || len(pruned.Keys) != 0 {
			w.Errorf("the keys of the only backup were deleted: %+v, %v", pruned, err)
		}
		latest := w.backup(dir)
		if latest.Copied != 0 {
			w.Errorf("%d files were written again", latest.Copied)
		}
		pruned, err = store.PruneBackups(ctx, dir, w.now(), 30*day, 0)
		if diff := cmp.Diff([]string{old.Stamp}, pruned.Keys); err != nil || diff != "" {
			w.Fatalf("%s, %v", diff, err)
		}
		// Without a ledger too, Eve cannot come back: her key is in no file.
		opt := w.elsewhere(false)
		opt.Ledger = ""
		if err := os.WriteFile(filepath.Join(dir, "erased.ledger"), nil, 0o600); err != nil {
			w.Fatal(err)
		}
		done := restore(w, opt, dir, old.Stamp)
		if done.Keys != latest.Stamp || done.Forgotten != 1 || len(done.Broken) > 0 {
			w.Errorf("restored: %+v", done)
		}
		there := openWorld(w, opt, w.advance)
		there.whole(w, maries[0])
		there.nothingOf(eves, erased)
		// And alone it is readable by nobody.
		if err := os.Remove(filepath.Join(dir, latest.Keys.Name)); err != nil {
			w.Fatal(err)
		}
		_, err = store.Restore(ctx, w.elsewhere(false), store.RestoreOptions{Dir: dir, Stamp: old.Stamp})
		if err == nil || !strings.Contains(err.Error(), "cannot be read by anybody") {
			w.Errorf("error is %v", err)
		}
		w.noKeyIn(dir)
	})
}

// noKeyIn holds that the master key is in no file, and that files are private.
func (w *world) noKeyIn(dir string) {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.opt.Data, "master.key"))
	if err != nil {
		w.Fatal(err)
	}
	fields := strings.Fields(string(text))
	secret := fields[len(fields)-1]
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			w.Errorf("%s has mode %v", path, info.Mode())
		}
		content, _ := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) {
			w.Errorf("%s holds the master key", path)
		}
		return err
	})
	if err != nil {
		w.Error(err)
	}
}

func TestOldBackupsGoWithTheirFiles(t *testing.T) {
	w := embedded(t)
	w.office()
	dir := t.TempDir()
	first := w.backup(dir)
	w.eraseEve()
	w.advance(100 * day)
	w.backup(dir)
	pruned, err := store.PruneBackups(ctx, dir, w.now(), 30*day, 90*day)
	if err != nil || len(pruned.Keys) != 1 || len(pruned.Whole) != 1 || pruned.Blobs != 2 {
		t.Errorf("pruned %+v, %v", pruned, err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"+first.Stamp+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	restore(t, w.elsewhere(false), dir, "")
	if _, err := store.PruneBackups(ctx, filepath.Join(dir, "none"), w.now(), day, day); err != nil {
		t.Error(err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := embedded(t)
	w.office()
	dir := t.TempDir()
	m := w.backup(dir)
	spoil := func(name string) func(store.Options, *store.RestoreOptions) {
		return func(_ store.Options, from *store.RestoreOptions) {
			copied := t.TempDir()
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(copied, name)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			content[len(content)/2] ^= 1
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			from.Dir = copied
		}
	}
	for name, c := range map[string]struct {
		spoil func(store.Options, *store.RestoreOptions)
		want  string
	}{
		"damaged data":  {spoil(m.Data.Name), "is damaged"},
		"damaged keys":  {spoil(m.Keys.Name), "is damaged"},
		"damaged blobs": {spoil(m.Blobs.Name), "is damaged"},
		"no backup":     {func(_ store.Options, from *store.RestoreOptions) { from.Dir = t.TempDir() }, "there is no backup in "},
		"another stamp": {func(_ store.Options, from *store.RestoreOptions) { from.Stamp = "20200101T000000Z" }, "there is " + m.Stamp},
		"no ledger":     {func(_ store.Options, from *store.RestoreOptions) { from.Ledgers = []string{"/nowhere"} }, "no such file"},
		"a store that is in use": {func(opt store.Options, _ *store.RestoreOptions) {
			openWorld(t, opt, nil).Close()
		}, "not empty"},
	} {
		opt := w.elsewhere(false)
		from := store.RestoreOptions{Dir: dir}
		c.spoil(opt, &from)
		_, err := store.Restore(ctx, opt, from)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	opt := w.elsewhere(false)
	opt.MasterKey = filepath.Join(t.TempDir(), "none.key")
	if _, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a master key: %v", err)
	}
}

// TestADamagedFileIsNoticed: a large content that is not what the backup took
// ends the restoration, and the store stays shut.
func TestADamagedFileIsNoticed(t *testing.T) {
	w := embedded(t)
	w.office()
	dir := t.TempDir()
	w.backup(dir)
	err := filepath.WalkDir(filepath.Join(dir, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		content[100] ^= 1
		return errors.Join(os.WriteFile(path, content, 0o600), fs.SkipAll)
	})
	if err != nil && !errors.Is(err, fs.SkipAll) {
		t.Fatal(err)
	}
	opt := w.elsewhere(false)
	if _, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("error is %v", err)
	}
	if s, err := store.Open(ctx, opt); err == nil {
		s.Close()
		t.Error("half a store was opened")
	}
	if _, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir}); err == nil || !strings.Contains(err.Error(), "broken off") {
		t.Errorf("error is %v", err)
	}
}

// leaving is a context that ends after it was asked so many times.
type leaving struct {
	context.Context
	asked atomic.Int64
	after int64
}

func (l *leaving) Err() error {
	if l.asked.Add(1) > l.after {
		return context.Canceled
	}
	return nil
}

// TestARestorationThatWasBrokenOffIsBegunAnew: while it is read, in whichever
// part, the embedded store is not touched yet. What was written half says so.
func TestARestorationThatWasBrokenOffIsBegunAnew(t *testing.T) {
	eachEngine(t, func(w *world) {
		maries, _ := w.office()
		dir := w.TB.(*testing.T).TempDir()
		m := w.backup(dir)
		for _, after := range []int{m.Keys.Lines / 2, m.Keys.Lines + m.Data.Lines/2, m.Keys.Lines + 3*m.Data.Lines/2} {
			for _, redis := range []bool{false, true} {
				opt := w.elsewhere(redis)
				_, err := store.Restore(&leaving{Context: ctx, after: int64(after)}, opt, store.RestoreOptions{Dir: dir})
				wantError(t, err, context.Canceled)
				if s, err := store.Open(ctx, opt); err == nil {
					s.Close()
					t.Error("half a store was opened")
				}
				if left, err := filepath.Glob(filepath.Join(opt.Data, "guichet*")); err != nil || !redis && len(left) != 1 {
					t.Errorf("left: %v, %v", left, err)
				}
				if redis {
					continue // some of it may be there
				}
				if done := restore(w, opt, dir, ""); done.Tickets != 3 || len(done.Broken) > 0 {
					t.Errorf("restored: %+v", done)
				}
				there := openWorld(w, opt, w.advance)
				there.whole(w, maries[0])
				there.consistent()
			}
		}
	})
}

// TestABackupWhileMailComesIsConsistent: of what is opened and erased meanwhile,
// each ticket is whole or not there.
func TestABackupWhileMailComesIsConsistent(t *testing.T) {
	eachEngine(t, func(w *world) {
		maries, _ := w.office()
		dir := w.TB.(*testing.T).TempDir()
		var group sync.WaitGroup
		stop := make(chan struct{})
		group.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				c, made := w.withBlobs([]byte("raw"), randomBytes(20<<10))
				_, err := w.Commit(ctx, c)
				if err == nil && n%3 == 0 {
					err = w.Erase(ctx, "acme", made.ID)
				}
				if err != nil {
					w.Error(err)
					return
				}
			}
		})
		var stamps []string
		for range 3 {
			stamps = append(stamps, w.backup(dir).Stamp)
			w.advance(time.Second)
		}
		close(stop)
		group.Wait()
		for _, stamp := range stamps {
			opt := w.elsewhere(false)
			done := restore(w, opt, dir, stamp)
			if len(done.Broken) > 0 {
				w.Errorf("broken: %+v", done.Broken)
			}
			there := openWorld(w, opt, w.advance)
			there.whole(w, maries[1])
			there.consistent()
		}
	})
}

// TestRestoreKeepsBackWhatOpens: a mail that cannot be read is told of, and keeps
// neither the others from being kept back nor the store from being restored.
func TestRestoreKeepsBackWhatOpens(t *testing.T) {
	w := embedded(t)
	w.office()
	page, err := w.Outbox(ctx, "acme", nil, "", 10)
	if err != nil || len(page.Items) < 4 {
		t.Fatalf("%d mails are due, %v", len(page.Items), err)
	}
	for i, lost := range []bool{false, true} {
		if err := w.SpoilNotice(ctx, "acme", page.Items[i].Notice.ID, lost); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	w.backup(dir)
	done := restore(w, w.elsewhere(false), dir, "")
	if len(done.Broken) != 2 || done.KeptBack != len(page.Items)-2 {
		t.Errorf("%d of %d mails were kept back; broken: %v", done.KeptBack, len(page.Items), done.Broken)
	}
}

func TestWhatABackupLeftThatWasBrokenOffGoes(t *testing.T) {
	w := embedded(t)
	dir := t.TempDir()
	left := filepath.Join(dir, "guichet-20260301T000000Z.keys.unfinished")
	if err := os.WriteFile(left, []byte("keys"), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := w.Backup(ended, dir, nil); err == nil {
		t.Error("a backup was made that nobody waited for")
	}
	if all, err := filepath.Glob(filepath.Join(dir, "*2026030*")); err != nil || len(all) != 1 {
		t.Errorf("there is %v, %v", all, err)
	}
	if _, err := store.PruneBackups(ctx, dir, w.now(), 30*day, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
}
