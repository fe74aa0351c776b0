package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"guichet/internal/testkit"
	"guichet/store"
	"guichet/store/engine/enginetest"
	"guichet/ticket"
)

// withBlobs is an opening whose article names a raw mail and an attachment.
func (w *world) withBlobs(raw, attachment []byte) (*ticket.Change, *ticket.Ticket) {
	c, t := w.opening("With an attachment")
	a := &c.Tickets[0].Articles[0]
	a.Raw = "raw"
	a.Attachments = []ticket.Attachment{{Name: "photo.jpg", Type: "image/jpeg", Size: int64(len(attachment)), Blob: "photo"}}
	c.Blobs = []ticket.Blob{blobOf("raw", raw), blobOf("photo", attachment)}
	return c, t
}

func (w *world) files() []string {
	w.Helper()
	var out []string
	err := filepath.WalkDir(filepath.Join(w.opt.Data, "blobs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// contents are the files that no shelf is.
func (w *world) contents() []string {
	return slices.DeleteFunc(w.files(), func(name string) bool { return strings.Contains(filepath.Base(name), ".shelf.") })
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func TestBlobsSmallAndLarge(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		even := func(n int) []byte { return bytes.Repeat([]byte("The till prints nothing.\r\n"), n/26) }
		for _, content := range [][]byte{nil, randomBytes(1), randomBytes(16 << 10), randomBytes(16<<10 + 1), randomBytes(64 << 10), randomBytes(1 << 20),
			even(20 << 10), even(250 << 10), even(300 << 10)} {
			c, made := w.withBlobs([]byte("From: marie@customer.example\r\n"), content)
			w.commit(c)
			r, err := w.OpenBlob(ctx, "acme", made.ID, "photo")
			if !bytes.Equal(readBlob(t, r, err), content) {
				t.Errorf("%d bytes came back otherwise", len(content))
			}
		}
		// What packs to 16 KiB travels in the commit, up to a size that is packed in
		// memory.
		if n := len(w.contents()); n != 4 {
			t.Errorf("%d files, want 4", n)
		}
		made := w.open("Without")
		_, err := w.OpenBlob(ctx, "acme", made.ID, "photo")
		wantError(t, err, store.ErrBlobGone)
	})
}

func TestRawMailIsKeptForItsTime(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs(randomBytes(40<<10), randomBytes(50<<10))
		w.commit(c)
		w.advance(13 * day)
		if n := w.timers(); n != 0 {
			t.Fatalf("%d timers before it is time", n)
		}
		w.advance(2 * day)
		if n := w.timers(); n != 1 {
			t.Fatalf("%d timers, want 1", n)
		}
		_, err := w.OpenBlob(ctx, "acme", made.ID, "raw")
		wantError(t, err, store.ErrBlobGone)
		r, err := w.OpenBlob(ctx, "acme", made.ID, "photo")
		if n := len(readBlob(t, r, err)); n != 50<<10 {
			t.Errorf("the attachment has %d bytes", n)
		}
		if n := len(w.contents()); n != 1 {
			t.Errorf("%d files, want the attachment's alone", n)
		}
	})
}

func TestClosedTicketIsErasedWhenItsTimeIsOver(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs(randomBytes(40<<10), randomBytes(50<<10))
		w.commit(c)
		change := func(state ticket.State) {
			now := w.ticket(made.ID)
			now.SetState(state, w.now())
			w.commit(&ticket.Change{Site: "acme", Operation: rand.Text(), At: w.now(), Tickets: []ticket.TicketChange{{Ticket: now}}})
		}
		change(ticket.Closed)
		w.advance(100 * day)
		change(ticket.Open)
		w.advance(100 * day)
		w.timers()
		w.ticket(made.ID) // open again: it stays
		change(ticket.Closed)
		w.advance(181 * day)
		w.timers()
		_, err := w.Ticket(ctx, "acme", made.ID)
		wantError(t, err, store.ErrNotFound)
		if files := w.files(); len(files) != 0 {
			t.Errorf("left over: %v", files)
		}
	})
}

func TestErasingLeavesNothing(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs(randomBytes(40<<10), []byte("small"))
		c.Held = []ticket.Held{{ID: rand.Text(), Site: "acme", Queue: "help", Ticket: made.ID, Why: ticket.HeldStranger, Subject: "x", At: w.now()}}
		w.commit(c)
		if err := w.Erase(ctx, "acme", made.ID); err != nil {
			t.Fatal(err)
		}
		facts, err := w.Facts(ctx, ticket.Query{Site: "acme", Tickets: []ticket.ID{made.ID},
			MessageIDs: c.Tickets[0].MessageIDs, References: []uint64{1}})
		if err != nil || len(facts.Tickets)+len(facts.ByMessageID)+len(facts.ByReference) > 0 {
			t.Errorf("facts are %+v, %v", facts, err)
		}
		counts, err := w.Counts(ctx, "acme")
		if err != nil || counts.Tickets[ticket.New]+counts.Outbox[ticket.Queued]+counts.Held > 0 {
			t.Errorf("counts are %+v, %v", counts, err)
		}
		_, err = w.ByTracking(ctx, "acme", made.Tracking)
		wantError(t, err, store.ErrNotFound)
		if files := w.files(); len(files) != 0 {
			t.Errorf("left over: %v", files)
		}
		wantError(t, w.Erase(ctx, "acme", made.ID), store.ErrNotFound)
		// The id, which is all that is left anywhere, is in no key.
		for key, content := range w.everything() {
			live := strings.HasPrefix(key, "guichet:") && bytes.Contains(content, []byte(made.ID.String()))
			if strings.Contains(key, made.ID.String()) || live {
				t.Errorf("%s is left", key)
			}
		}
	})
}

func TestHeldMailIsAcceptedWithItsBlobs(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		made := w.open("Cold heating")
		for _, into := range []ticket.ID{made.ID, {}} {
			attachment := randomBytes(30 << 10)
			h := ticket.Held{ID: rand.Text(), Site: "acme", Queue: "help", Ticket: into, Why: ticket.HeldStranger,
				From: ticket.Mailbox{Address: "eve@elsewhere.example"}, Subject: "Let me in", Raw: "held raw", At: w.now(),
				Attachments: []ticket.Attachment{{Name: "a.pdf", Blob: "held pdf", Size: 30 << 10}}}
			w.commit(&ticket.Change{Site: "acme", Operation: "hold " + h.ID, At: w.now(), Held: []ticket.Held{h},
				Blobs: []ticket.Blob{blobOf("held raw", []byte("raw mail")), blobOf("held pdf", attachment)}})
			page, err := w.HeldMail(ctx, "acme", "", 10)
			if err != nil || page.Total != 1 || page.Items[0].Subject != h.Subject {
				t.Fatalf("held is %+v, %v", page, err)
			}
			r, err := w.OpenHeldBlob(ctx, page.Items[0], "held pdf")
			if !bytes.Equal(readBlob(t, r, err), attachment) {
				t.Error("the held attachment came back otherwise")
			}
			now := w.ticket(made.ID)
			now.Articles++
			accept := &ticket.Change{Site: "acme", Operation: "accept " + h.ID, At: w.now(), Release: []string{h.ID},
				Tickets: []ticket.TicketChange{{Ticket: now, Articles: []ticket.Article{{
					Number: now.Articles, Kind: ticket.PublicArticle, Raw: h.Raw, Attachments: h.Attachments}}}}}
			w.commit(accept)
			if repeat := w.commit(accept); !repeat.Repeat {
				t.Error("the repeat was done again")
			}
			r, err = w.OpenBlob(ctx, "acme", made.ID, "held pdf")
			if !bytes.Equal(readBlob(t, r, err), attachment) {
				t.Error("the accepted attachment came back otherwise")
			}
			r, err = w.OpenBlob(ctx, "acme", made.ID, "held raw")
			if string(readBlob(t, r, err)) != "raw mail" {
				t.Error("the accepted mail came back otherwise")
			}
			accept.Operation = "accept twice " + h.ID
			accept.Tickets[0].Ticket = w.ticket(made.ID)
			_, err = w.Commit(ctx, accept)
			wantError(t, err, ticket.ErrConflict)
		}
		if n := len(w.contents()); n != 2 {
			t.Errorf("%d files, want 2", n)
		}
	})
}

func TestDroppedHeldMailIsGone(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		h := ticket.Held{ID: rand.Text(), Site: "acme", Queue: "help", Why: ticket.HeldUnconfirmed, Raw: "raw", At: w.now()}
		w.commit(&ticket.Change{Site: "acme", Operation: "op", At: w.now(), Held: []ticket.Held{h}, Blobs: []ticket.Blob{blobOf("raw", randomBytes(20<<10))}})
		if err := w.DropHeld(ctx, "acme", h.ID); err != nil {
			t.Fatal(err)
		}
		_, err := w.Held(ctx, "acme", h.ID)
		wantError(t, err, store.ErrNotFound)
		if n := len(w.files()); n != 0 {
			t.Errorf("%d files", n)
		}
		wantError(t, w.DropHeld(ctx, "acme", h.ID), store.ErrNotFound)
	})
}

func TestOrphanedFilesAreSweptAfterADay(t *testing.T) {
	w := embedded(t)
	kept, made := w.withBlobs(randomBytes(20<<10), nil)
	w.commit(kept)
	// A commit that conflicts has written its files already.
	lost, other := w.withBlobs(randomBytes(20<<10), nil)
	other.Tracking = made.Tracking
	_, err := w.Commit(ctx, lost)
	wantError(t, err, ticket.ErrConflict)
	if n := len(w.files()); n != 2 {
		t.Fatalf("%d files, want 2", n)
	}
	broken := filepath.Join(filepath.Dir(w.files()[0]), ".writing-x")
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Files have the machine's time, which no test moves: they are made a day old.
	for _, young := range []bool{true, false} {
		age := 25 * time.Hour
		if young {
			age = time.Hour
		}
		for _, file := range w.files() {
			if err := os.Chtimes(file, time.Time{}, w.now().Add(-age)); err != nil {
				t.Fatal(err)
			}
		}
		removed, err := w.SweepBlobs(ctx)
		if err != nil || removed != map[bool]int{true: 0, false: 2}[young] {
			t.Errorf("young %v: %d removed, %v", young, removed, err)
		}
	}
	r, err := w.OpenBlob(ctx, "acme", made.ID, "raw")
	if n := len(readBlob(t, r, err)); n != 20<<10 {
		t.Errorf("the kept mail has %d bytes", n)
	}
}

// TestNothingPersonalStandsInClear commits a word in every place where a person
// or a mail could put one, and looks for it in every byte that is kept.
func TestNothingPersonalStandsInClear(t *testing.T) {
	const canary = "CanaryWort"
	eachEngine(t, func(w *world) {
		t := w.TB
		c := w.canaries(canary)
		w.commit(c)
		d := w.lease(9, time.Minute)
		for i, state := range []ticket.DeliveryState{ticket.Delivered, ticket.Failed} {
			if _, err := w.Allow(ctx, d[i].Notice); err != nil {
				t.Fatal(err)
			}
			if err := w.Settle(ctx, d[i], ticket.Outcome{State: state, Error: canary}); err != nil {
				t.Fatal(err)
			}
		}
		n := 0
		for name, content := range w.everything() {
			n++
			if found := leak([]byte(name+"\x00"), canary) + leak(content, canary); found != "" {
				t.Errorf("%s holds %q in clear", name, found)
			}
		}
		if n < 3 {
			t.Fatalf("looked at %d things only", n)
		}
		// What is looked for can be found: the store gives it back.
		if got := w.ticket(c.Tickets[0].Ticket.ID); got.Subject != canary {
			t.Errorf("subject is %q", got.Subject)
		}
	})
}

// canaries is a change with the word in all of its fields.
func (w *world) canaries(word string) *ticket.Change {
	address := ticket.Address(strings.ToLower(word) + "@customer.example")
	c, t := w.withBlobs([]byte(word+" "+strings.Repeat("x", 300)), []byte(word+strings.Repeat(word, 4000)))
	c.Operation, c.Seen = word, []string{word}
	t.Subject, t.Tracking = word, word
	t.Participants[0].Mailbox = ticket.Mailbox{Name: word, Address: address}
	t.Participants[0].Other = []ticket.Address{address}
	tc := &c.Tickets[0]
	tc.MessageIDs = []string{word + "@customer.example"}
	a := &tc.Articles[0]
	a.Text, a.Whole, a.Detail, a.MessageID, a.Reason = word, word, word, word, word
	a.Attachments[0].Name, a.Attachments[0].ContentID, a.Attachments[0].Blob = word, word, ticket.BlobID(word)
	c.Blobs[1].ID = ticket.BlobID(word)
	tc.Notices[0].Mailbox = ticket.Mailbox{Name: word, Address: address}
	tc.Notices[0].References = []string{word}
	tc.Notices[0].Brakes = []ticket.Brake{{Counter: word, Limit: 1, Window: time.Hour, Trips: word}}
	tc.Notices[0].Transcript = &ticket.TranscriptBody{Written: word}
	loose := ticket.Notice{ID: rand.Text(), Site: "acme", Kind: ticket.Postmaster, Mailbox: ticket.Mailbox{Name: word, Address: address}, MessageID: word,
		Code: word, About: &ticket.About{Address: address, Problem: word}}
	c.Notices = []ticket.Notice{loose}
	c.Enrol = []ticket.Mailbox{{Name: word, Address: address}}
	t.LegalHold = true
	for _, about := range []ticket.ID{t.ID, {}} {
		asked, n := w.mint.Challenge(ticket.Challenge{Site: "acme", Queue: "help", Action: ticket.ConfirmOwn, Ticket: about,
			Mailbox: ticket.Mailbox{Name: word, Address: address}, Parked: ticket.Parked{Address: address, Name: word}},
			ticket.Validation, validation, w.now())
		asked.MessageID, n.Code = word, word
		t.Challenges = append(t.Challenges, asked.ID)
		c.Challenges, c.Notices = append(c.Challenges, asked), append(c.Notices, n)
	}
	for _, into := range []ticket.ID{t.ID, {}} {
		c.Held = append(c.Held, ticket.Held{ID: rand.Text(), Site: "acme", Ticket: into, Subject: word, Text: word,
			From: ticket.Mailbox{Name: word, Address: address}, MessageID: word, Raw: "raw", Reason: word, At: w.now()})
	}
	return c
}

// everything is all files of the store by their names, except the master key,
// and with Redis also all that it keeps.
func (w *world) everything() map[string][]byte {
	w.Helper()
	out := map[string][]byte{}
	roots := []string{w.opt.Data}
	if w.server != nil {
		for _, server := range w.server.Servers() {
			roots = append(roots, server.Dir())
			w.redisKeys(server.Client(), out)
		}
	} else if address, found := strings.CutPrefix(w.opt.Redis, "redis://"); found {
		w.redisKeys(goredis.NewClient(&goredis.Options{Addr: address}), out)
	}
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() || strings.HasSuffix(path, "master.key") {
				return err
			}
			out[strings.TrimPrefix(path, root)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	return out
}

// leak gives the form in which a word stands in content, or "".
func leak(content []byte, word string) string {
	for _, form := range []string{word, strings.ToLower(word), strings.ToUpper(word)} {
		if bytes.Contains(content, []byte(form)) {
			return form
		}
	}
	return ""
}

func TestSealedContentDoesNotMove(t *testing.T) {
	w := embedded(t)
	one, two := w.open("One"), w.open("Two")
	w.swapSealed(one.ID, two.ID)
	_, err := w.Ticket(ctx, "acme", one.ID)
	wantError(t, err, store.ErrSealed)
}

func TestAnotherMasterKeyOpensNothing(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	opt := w.opt
	opt.MasterKey = filepath.Join(embedded(t).opt.Data, "master.key")
	if s, err := store.Open(ctx, opt); err == nil {
		s.Close()
		t.Error("it opened")
	} else if !strings.Contains(err.Error(), "master key") {
		t.Errorf("error is %v", err)
	}
}

// TestAMissingMasterKeyIsNotReplaced: another would open nothing, and who sees a
// key file believes that all is well.
func TestAMissingMasterKeyIsNotReplaced(t *testing.T) {
	w := embedded(t)
	key := filepath.Join(w.opt.Data, "master.key")
	if err := errors.Join(w.Close(), os.Remove(key)); err != nil {
		t.Fatal(err)
	}
	fresh := w.opt
	fresh.Data, fresh.Attach = t.TempDir(), true
	for name, opt := range map[string]store.Options{"a daemon": w.opt, "a tool on a new store": fresh} {
		s, err := store.Open(ctx, opt)
		if err == nil {
			s.Close()
			t.Errorf("%s opened it", name)
		}
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "master key") {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(opt.Data, "master.key")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s made a key: %v", name, err)
		}
	}
}

func TestMasterKeyIsChanged(t *testing.T) {
	eachEngine(t, func(w *world) {
		t := w.TB
		c, made := w.withBlobs(nil, randomBytes(20<<10))
		w.commit(c)
		newKey := filepath.Join(t.(*testing.T).TempDir(), "new.key")
		for range 2 { // the second time there is nothing to do
			if err := w.RekeyMaster(ctx, newKey); err != nil {
				t.Fatal(err)
			}
		}
		w.opt.MasterKey = newKey
		next := w.again()
		if next.ticket(made.ID).Subject != made.Subject {
			t.Error("the ticket came back otherwise")
		}
		r, err := next.OpenBlob(ctx, "acme", made.ID, "photo")
		if n := len(readBlob(t, r, err)); n != 20<<10 {
			t.Errorf("the attachment has %d bytes", n)
		}
		token := w.mint.Signer.Sign(ticket.ReplyToken, "acme", made.ID, &made.Participants[0])
		parsed, _ := ticket.ParseToken(token)
		if !next.Signer().Proves(parsed, "acme", made.ID, &made.Participants[0]) {
			t.Error("tokens made before hold no more")
		}
		if next.Pepper().Digest(made.ID, "34679CDF") != w.Pepper().Digest(made.ID, "34679CDF") {
			t.Error("codes made before hold no more")
		}
	})
}

func TestMasterKeyFileIsPrivate(t *testing.T) {
	w := embedded(t)
	path := filepath.Join(w.opt.Data, "master.key")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := store.Open(ctx, w.opt); err == nil {
		s.Close()
		t.Error("a key that everybody may read was taken")
	}
}

func TestNewerStoreIsRefused(t *testing.T) {
	w := embedded(t)
	w.setSchema(newerSchema)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(ctx, w.opt)
	if err == nil {
		s.Close()
		t.Fatal("it opened")
	}
	if !strings.Contains(err.Error(), "newer") {
		t.Errorf("error is %v", err)
	}
}

func TestTokensHoldForAllDaemonsOfAStore(t *testing.T) {
	opt := options(t, enginetest.NewClock())
	opt.Redis = testkit.Alone.For(t).URL()
	one, two := openWorld(t, opt, nil), openWorld(t, opt, nil)
	p := &ticket.Participant{Number: 1, Role: ticket.Requester}
	id := ticket.NewID(rand.Reader)
	token, _ := ticket.ParseToken(one.Signer().Sign(ticket.ReplyToken, "acme", id, p))
	if !two.Signer().Proves(token, "acme", id, p) {
		t.Error("the other daemon does not know the key")
	}
}

func TestAnErasedTicketIsAConflict(t *testing.T) {
	eachEngine(t, func(w *world) {
		made := w.open("Cold heating")
		if err := w.Erase(ctx, "acme", made.ID); err != nil {
			w.Fatal(err)
		}
		for name, c := range map[string]*ticket.Change{
			"alter": {Tickets: []ticket.TicketChange{{Ticket: made}}},
			"hold":  {Held: []ticket.Held{{ID: rand.Text(), Site: "acme", Ticket: made.ID}}},
		} {
			c.Site, c.Operation = "acme", name
			_, err := w.Commit(ctx, c)
			wantError(w.TB, err, ticket.ErrConflict)
		}
	})
}

// TestNothingIsSealedUnderAnErasedKey has one daemon erase a ticket whose key
// another still remembers.
func TestNothingIsSealedUnderAnErasedKey(t *testing.T) {
	one := onRedis(t)
	two := openWorld(t, one.opt, nil)
	made := one.open("Cold heating")
	if err := two.Erase(ctx, "acme", made.ID); err != nil {
		t.Fatal(err)
	}
	_, err := one.Commit(ctx, &ticket.Change{Site: "acme", Operation: "hold", At: one.now(),
		Held: []ticket.Held{{ID: rand.Text(), Site: "acme", Ticket: made.ID}}})
	wantError(t, err, ticket.ErrConflict)
}

func TestMaintenanceHandlesTimersAndEnds(t *testing.T) {
	w := embedded(t)
	c, made := w.withBlobs([]byte("raw"), nil)
	w.commit(c)
	w.advance(15 * day)
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { w.Maintain(running); close(done) }()
	for { // it looks at once
		r, err := w.OpenBlob(ctx, "acme", made.ID, "raw")
		if errors.Is(err, store.ErrBlobGone) {
			break
		}
		readBlob(t, r, err)
	}
	stop()
	<-done
}
