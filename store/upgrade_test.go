package store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"guichet/store"
	"guichet/store/engine"
	"guichet/ticket"
)

// newerSchema is the version of a program that is newer than this one.
var newerSchema = strconv.Itoa(store.SchemaVersion + 1)

// written fills the engine of options with a store as an older program wrote it:
// one item a line. In the first version there were three tickets of two
// customers, of which one is closed, and three mails that were held.
func written(t testing.TB, opt store.Options, version string) {
	t.Helper()
	lines, err := os.ReadFile("testdata/" + version + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("testdata/" + version + ".key")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(opt.Data, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	e, _, err := store.OpenEngine(ctx, opt)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for line := range bytes.Lines(lines) {
		var item engine.Item
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		step := engine.Put(item.Record, item.Name, item.Value)
		if item.Index != "" {
			step = engine.Add(item.Index, item.Name, item.Score)
		}
		if _, err := e.Commit(ctx, item.Space, engine.Batch{Steps: []engine.Step{step}}); err != nil {
			t.Fatal(err)
		}
	}
}

// older runs a test on a store that an older program wrote.
func older(t *testing.T, version string, test func(*world)) {
	eachPlace(t, func(t *testing.T, p place) {
		written(t, p.opt, version)
		test(p.open(t))
	})
}

func TestAStoreOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	older(t, "version1", func(w *world) {
		t := w.TB
		id := ticket.NewID(rand.Reader)
		sum := w.Pepper().Digest(id, "34679CDF")
		w = w.again() // the second time there is nothing to do
		if diff := cmp.Diff([]string{"Lost key", "Cold heating"}, w.own("marie@customer.example")); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"Wet cellar"}, w.own("paul@customer.example")); diff != "" {
			t.Error(diff)
		}
		if w.Pepper().Digest(id, "34679CDF") != sum {
			t.Error("the key of codes is not kept")
		}
		var waiting []string
		for _, h := range w.material(ticket.Notice{Kind: ticket.HeldDigest, Queue: "help"}).Waiting {
			waiting = append(waiting, h.Subject)
		}
		if n := len(waiting); n != 2 {
			t.Errorf("waiting: %v", waiting)
		}
	})
}

// TestAStoreOfTheFirstVersionIsReadWhole opens all that there is in it, and holds
// its indexes to the records.
func TestAStoreOfTheFirstVersionIsReadWhole(t *testing.T) {
	older(t, "version1", func(w *world) {
		page, err := w.Tickets(ctx, "acme", store.Filter{}, "", 9)
		if err != nil || page.Total != 3 {
			w.Fatalf("%d tickets, %v", page.Total, err)
		}
		notices := 0
		for _, made := range page.Items {
			articles, err := w.Articles(ctx, "acme", made.ID, 0, 99)
			if err != nil || len(articles) == 0 || articles[0].Text == "" {
				w.Errorf("%s: %+v, %v", made.Subject, articles, err)
			}
			owed, err := w.Notices(ctx, "acme", made.ID)
			if err != nil {
				w.Error(err)
			}
			notices += len(owed)
		}
		if notices != 3 {
			w.Errorf("%d notices", notices)
		}
		err = w.Reindex(ctx, true, nil, func(d store.Difference) error {
			w.Errorf("%s %s: %s", d.Site, d.Record, d.What)
			return nil
		})
		if err != nil {
			w.Error(err)
		}
	})
}

func TestHeldMailOfTheFirstVersionExpires(t *testing.T) {
	older(t, "version1", func(w *world) {
		for _, step := range []struct {
			days time.Duration
			want int
		}{{0, 3}, {8, 2}, {181, 0}} {
			w.advance(step.days * day)
			w.timers()
			page, err := w.HeldMail(ctx, "acme", "", 9)
			if err != nil || page.Total != step.want {
				w.Errorf("%d days later %d are held, %v", step.days, page.Total, err)
			}
		}
	})
}

// Until version 3, each word had an index of its own.
func TestWordsOfTheSecondVersionArePacked(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.ofOld()
		cold := w.open("Cold heating")
		w.advance(time.Second)
		wet := w.open("Wet cellar")
		w.index()
		before := w.listed()
		if err := w.UnpackWords(ctx, "acme"); err != nil {
			w.Fatal(err)
		}
		if old := w.listed(); old < before+10 {
			w.Fatalf("%d entries, once %d", old, before)
		}
		for range 2 { // the second time there is nothing to do
			w = w.again()
			w.finds(words("wet"), wet.Subject)
			w.index()
		}
		w.finds(words("heating room"), wet.Subject, cold.Subject) // of their text
		if after := w.listed(); after != before {
			w.Errorf("%d entries are left of %d", after, before)
		}
		w.consistent()
	})
}

// listed is how many entries the site's lists have.
func (w *world) listed() (n int) {
	w.Helper()
	err := w.Each(ctx, func(item string) {
		if strings.HasPrefix(item, " search:") {
			n++
		}
	})
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// Until version 5, each person and each tag had an index of its own.
func TestPeopleAndTagsOfTheFourthVersionArePacked(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold := w.open("Cold heating")
		w.advance(time.Second)
		wet := w.open("Wet cellar")
		w.alter(wet.ID, func(t *ticket.Ticket) { t.Tags = []string{"cellar"} })
		w.index()
		before := w.listed()
		if err := w.UnpackPeople(ctx, "acme"); err != nil {
			w.Fatal(err)
		}
		if old := w.listed(); old != before+5 { // the address and its domain, twice, and the tag
			w.Fatalf("%d entries, once %d", old, before)
		}
		for range 2 { // the second time there is nothing to do
			w = w.again()
			w.finds(ticket.Worklist{View: ticket.ViewContact, From: "marie@customer.example"}, wet.Subject, cold.Subject)
			w.finds(ticket.Worklist{View: ticket.ViewAll, Tags: []string{"cellar"}}, wet.Subject)
			w.consistent()
			w.index()
		}
		if after := w.listed(); after != before {
			w.Errorf("%d entries are left of %d", after, before)
		}
		w.finds(ticket.Worklist{View: ticket.ViewSearch, From: "@customer.example", Words: []string{"heating"}}, wet.Subject, cold.Subject)
		w.consistent()
	})
}

// Until version 4, texts stood in the JSON of what they belong to.
func TestTextsOfTheThirdVersionAreRead(t *testing.T) {
	eachEngine(t, func(w *world) {
		long := strings.Repeat("The boiler says \"E 14\".\n\tRoom 12 — 9 °C.\n", 3000)
		c, made := w.opening("Cold heating")
		c.Tickets[0].Articles[0].Text, c.Tickets[0].Articles[0].Whole = "Still E 14.\n", long
		w.commit(c)
		held := w.hold(ticket.Held{Queue: "help", Why: ticket.HeldNoSender, Subject: "Boiler", Text: long})
		if err := w.TextsInJSON(ctx, "acme", []ticket.ID{made.ID}, []ticket.Held{held}); err != nil {
			w.Fatal(err)
		}
		w = w.again()
		w.write(w.ticket(made.ID), ticket.PublicArticle) // beside it, as texts are written now
		asItWas := func(w *world) {
			w.Helper()
			articles, err := w.Articles(ctx, "acme", made.ID, 0, 9)
			if err != nil || len(articles) != 2 || articles[0].Text != "Still E 14.\n" || articles[0].Whole != long || articles[1].Text != "2" {
				w.Errorf("%d articles, %v", len(articles), err)
			}
			if h, err := w.Held(ctx, "acme", held.ID); err != nil || h.Text != long {
				w.Errorf("held mail is read otherwise, %v", err)
			}
		}
		asItWas(w)
		w.index()
		w.finds(words("still 2"), "Cold heating")
		w.consistent()
		dir := w.TB.(*testing.T).TempDir()
		w.backup(dir)
		opt := w.elsewhere(false)
		restore(w, opt, dir, "")
		asItWas(openWorld(w, opt, w.advance))
	})
}

// Until version 5, each posting was a record of its own.
func TestPostingsOfTheFourthVersionAreShared(t *testing.T) {
	eachEngine(t, func(w *world) {
		c, first := w.opening("Cold heating")
		w.commit(c)
		message := c.Tickets[0].MessageIDs[0]
		second := w.open("Wet cellar")
		change := ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: w.ticket(second.ID), MessageIDs: []string{message, "<only@second.example>"}}}}
		w.commit(&change) // the message stays with the ticket that had it first
		stray := w.open("Erased by its deadline")
		before := w.postings()
		if err := w.UnsharePostings(ctx, "acme"); err != nil {
			w.Fatal(err)
		}
		if old := w.postings(); len(old) != len(before) || strings.Contains(strings.Join(old, " "), "by-") {
			w.Fatalf("they are %q, once %q", old, before)
		}
		for range 2 { // the second time there is nothing to do
			w = w.again()
			if after := w.postings(); !cmp.Equal(after, before) {
				w.Errorf("they are: %s", cmp.Diff(before, after))
			}
		}
		got := w.facts(ticket.Query{MessageIDs: []string{message, "<only@second.example>"}, Tracking: []string{second.Tracking}, References: []uint64{1, 2}})
		if got.ByMessageID[message] != first.ID || got.ByMessageID["<only@second.example>"] != second.ID || got.ByTracking[second.Tracking] != second.ID ||
			got.ByReference[1] != first.ID || got.ByReference[2] != second.ID {
			w.Errorf("they lead to %v, %v, %v", got.ByMessageID, got.ByTracking, got.ByReference)
		}
		if err := w.Erase(ctx, "acme", stray.ID); err != nil {
			w.Error(err)
		}
		if left := w.postings(); len(left) != len(before)-3 {
			w.Errorf("erasing leaves %q of %q", left, before)
		}
		w.consistent()
	})
}

// TestTwoDaemonsSharePostings has one bring the store to version 5 while another
// does the same, and while one more has done so and erases a ticket.
func TestTwoDaemonsSharePostings(t *testing.T) {
	eachEngine(t, func(w *world) {
		var last *ticket.Ticket
		for range 3 {
			last = w.open("Cold heating")
		}
		before := w.postings()
		if err := w.UnsharePostings(ctx, "acme"); err != nil {
			w.Fatal(err)
		}
		meanwhile := 0
		slow := w.Beside(false, func() error {
			if meanwhile++; meanwhile == 3 { // the first marks the installation, the second the site
				if err := w.BringUpToDate(ctx); err != nil {
					return err
				}
				return w.Erase(ctx, "acme", last.ID)
			}
			return nil
		})
		if err := slow.BringUpToDate(ctx); err != nil {
			w.Fatal(err)
		}
		if left := w.postings(); meanwhile < 4 || len(left) != len(before)-3 || strings.Contains(strings.Join(left, " "), "number:3") {
			w.Errorf("after %d commits they are %q", meanwhile, left)
		}
		w.consistent()
	})
}

// postings are the site's, of all versions, sorted.
func (w *world) postings() (all []string) {
	w.Helper()
	err := w.Each(ctx, func(item string) {
		kind, _, _ := strings.Cut(item, ":")
		if slices.Contains([]string{"by-digest", "by-number", "message", "tracking", "number"}, kind) {
			all = append(all, item)
		}
	})
	if err != nil {
		w.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestAToolLeavesAnOlderStoreToItsDaemon(t *testing.T) {
	daemon := embedded(t)
	daemon.setSchema("1")
	_, err := store.Open(ctx, daemon.serveTools(t))
	if err == nil || !strings.Contains(err.Error(), "older guichet") {
		t.Errorf("error is %v", err)
	}
}

// The daemons of a Redis may be of the older program; a look at the outbox by a
// newer one must not stop them.
func TestAToolUpgradesNothing(t *testing.T) {
	eachPlace(t, func(t *testing.T, p place) {
		w := p.open(t)
		w.open("Cold heating")
		w.setSchema("2")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		tool := p.opt
		tool.Attach = true
		if _, err := store.Open(ctx, tool); err == nil || !strings.Contains(err.Error(), "older guichet") {
			t.Errorf("error is %v", err)
		}
		if s, err := store.Open(ctx, p.opt); err != nil {
			t.Errorf("a daemon after it: %v", err)
		} else {
			s.Close()
		}
	})
}

func TestNoOlderProgramFoundsASite(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.open("Cold heating")
		if err := w.Upgrade(ctx, "*"); err != nil {
			w.Fatal(err)
		}
		w.open("Wet cellar") // the sites that there are follow one by one
		_, err := w.Counts(ctx, "globex")
		wantError(w.TB, err, store.ErrSuperseded)
		fields, err := w.KeyFields(ctx)
		if err != nil || fields["site:globex"] != nil {
			w.Errorf("it has keys: %v, %v", fields["site:globex"], err)
		}
	})
}

// What a backup holds is of one version: one that a newer program begins with
// while it is made would be neither.
func TestNoBackupIsMadeOfAStoreThatIsUpgraded(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.open("Cold heating")
		w.open("Wet cellar")
		begin := func(int, int) {
			if err := w.Upgrade(ctx, "acme"); err != nil {
				w.Error(err)
			}
		}
		dir := w.TB.(*testing.T).TempDir()
		for _, progress := range []store.Progress{begin, nil} { // while it is made, and before
			_, err := w.Backup(ctx, dir, progress)
			wantError(w.TB, err, store.ErrSuperseded)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*Z*")); err != nil || len(left) > 0 {
			w.Errorf("left: %v, %v", left, err)
		}
	})
}

// backupOf makes a backup and has its manifest say that it is of another version;
// 0 is what programs wrote that said nothing of it.
func (w *world) backupOf(schema int) (dir string) {
	w.Helper()
	dir = w.TB.(*testing.T).TempDir()
	m := w.backup(dir)
	m.Schema = schema
	text, err := json.Marshal(m)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "guichet-"+m.Stamp+".json"), text, 0o600)
	}
	if err != nil {
		w.Fatal(err)
	}
	return dir
}

func TestABackupOfAnOlderVersionIsBroughtUpToDate(t *testing.T) {
	eachEngine(t, func(w *world) {
		w.ofOld()
		w.open("Cold heating")
		w.advance(time.Second)
		w.open("Wet cellar")
		w.index()
		if err := w.UnpackWords(ctx, "acme"); err != nil {
			w.Fatal(err)
		}
		dir := w.backupOf(0)
		for _, redis := range []bool{false, true} {
			opt := w.elsewhere(redis)
			done := restore(w, opt, dir, "")
			if done.Tickets != 2 || done.Mended > 0 || len(done.Broken) > 0 {
				w.Errorf("restored: %+v", done)
			}
			tool := opt
			tool.Attach = true
			there := openWorld(w, tool, w.advance) // there is nothing left to do for a daemon
			there.index()
			there.finds(words("wet"), "Wet cellar")
			there.finds(words("heating room"), "Wet cellar", "Cold heating")
			err := there.Each(ctx, func(item string) {
				if strings.Contains(item, " postings ") {
					w.Error("a ticket still names its words as version 2 did")
				}
			})
			if err != nil {
				w.Error(err)
			}
			there.consistent()
		}
	})
}

func TestABackupOfANewerVersionIsRefused(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	dir, opt := w.backupOf(store.SchemaVersion+1), w.elsewhere(false)
	_, err := store.Restore(ctx, opt, store.RestoreOptions{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "is of a newer guichet: its version is "+newerSchema+", this program knows ") {
		t.Errorf("error is %v", err)
	}
	restore(t, opt, w.backupOf(store.SchemaVersion), "") // nothing was written before
}

func TestMigrationLeavesOtherVersionsAlone(t *testing.T) {
	for version, want := range map[string]string{"2": "older guichet", newerSchema: "newer guichet"} {
		w := embedded(t)
		w.open("Cold heating")
		w.setSchema(version)
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b, r, opt := engines(t, w.opt.Data)
		if _, err := store.Migrate(ctx, b, r, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("version %s: %v", version, err)
		}
		openWorld(t, opt, nil).open("It is still empty")
	}
}

// TestADaemonStopsWhenItsStoreIsUpgraded has a newer program begin with a site
// while an older one serves it.
func TestADaemonStopsWhenItsStoreIsUpgraded(t *testing.T) {
	for name, use := range map[string]func(*world, ticket.ID) error{
		"a mail comes": func(w *world, _ ticket.ID) error {
			c, _ := w.opening("Too late")
			_, err := w.Commit(ctx, c)
			return err
		},
		"a notice is due":    func(w *world, _ ticket.ID) error { _, err := w.Lease(ctx, 9, time.Hour); return err },
		"a ticket is erased": func(w *world, id ticket.ID) error { return w.Erase(ctx, "acme", id) },
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(w *world) {
				made := w.open("Cold heating")
				if err := w.Upgrade(ctx, "acme"); err != nil {
					w.Fatal(err)
				}
				wantError(w.TB, use(w, made.ID), store.ErrSuperseded)
				// From then on it knows, and touches no other site either.
				_, err := w.Counts(ctx, "globex")
				wantError(w.TB, err, store.ErrSuperseded)

				// The newer one finds all as it was, and what is owed due at once.
				if err := w.Downgrade(ctx, "acme"); err != nil {
					w.Fatal(err)
				}
				w = w.again()
				page, err := w.Tickets(ctx, "acme", store.Filter{}, "", 9)
				if err != nil || page.Total != 1 || page.Items[0].ID != made.ID {
					w.Errorf("%+v, %v", page, err)
				}
				w.advance(2 * time.Minute) // that long the site itself was leased
				if owed := w.lease(9, time.Minute); len(owed) != 1 {
					w.Errorf("owed: %+v", owed)
				}
			})
		})
	}
}

func TestADaemonNoticesAnUpgradeByItself(t *testing.T) {
	w := embedded(t)
	w.open("Cold heating")
	w.setSchema(newerSchema)
	running, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { w.Maintain(running); close(done) }()
	for { // it looks at once
		if _, err := w.Counts(ctx, "acme"); errors.Is(err, store.ErrSuperseded) {
			break
		}
	}
	stop()
	<-done
}
