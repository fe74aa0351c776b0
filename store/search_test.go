package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// index brings everything in line that was noted.
func (w *world) index() int {
	w.Helper()
	n, err := w.Index(ctx)
	if err != nil {
		w.Fatal(err)
	}
	return n
}

// found gives the subjects that a worklist holds, in order, of what anna may see.
func (w *world) found(l ticket.Worklist) (subjects []string, g *ticket.Listing) {
	w.Helper()
	l.Agent, l.Page = "anna@acme.example", max(l.Page, 1)
	if l.Queues == nil {
		l.Queues = []string{"help"}
	}
	f, err := w.Facts(ctx, ticket.Query{Site: "acme", Lists: []ticket.Worklist{l}})
	if err != nil {
		w.Fatal(err)
	}
	if g = f.Lists[l.Key()]; g == nil {
		w.Fatalf("no answer to %+v", l)
	}
	for _, id := range g.IDs {
		subjects = append(subjects, w.ticket(id).Subject)
	}
	return subjects, g
}

func (w *world) finds(l ticket.Worklist, want ...string) {
	w.Helper()
	if got, g := w.found(l); !slices.Equal(got, want) || g.Total != len(want) {
		w.Errorf("%s %s finds %q (%d), want %q", l.View, l.Command(1), got, g.Total, want)
	}
}

func words(text string) ticket.Worklist {
	return ticket.Worklist{View: ticket.ViewSearch, Words: ticket.SearchWords(text, 12)}
}

// alter commits a change of a ticket as it is now.
func (w *world) alter(id ticket.ID, change func(*ticket.Ticket)) {
	w.Helper()
	t := w.ticket(id)
	change(t)
	t.Changed = w.now()
	w.commit(&ticket.Change{Site: "acme", At: w.now(), Tickets: []ticket.TicketChange{{Ticket: t}}})
}

func TestTicketsAreFoundByTheirWords(t *testing.T) {
	eachEngine(t, func(w *world) {
		if w.shelved {
			w.Skip("a search for what is open looks on no shelf")
		}
		heating := w.open("Le chauffage est tombé en PANNE")
		w.advance(time.Second)
		printer := w.open("Printer KX-2210")
		w.advance(time.Second)
		elsewhere, _ := w.opening("Zebra")
		elsewhere.Tickets[0].Ticket.Queue = "billing"
		w.commit(elsewhere)

		// What is not indexed yet is found by all but its text.
		w.finds(words("tombe panne"), heating.Subject)
		w.finds(words("kx-2210"), printer.Subject)
		w.finds(words("heating"))
		if n := w.index(); n != 3 {
			w.Errorf("indexed %d", n)
		}
		if n := w.index(); n != 0 {
			w.Errorf("indexed %d once more", n)
		}
		w.finds(words("heating room 12"), printer.Subject, heating.Subject) // the newest first
		w.finds(words("heating tombé"), heating.Subject)
		w.finds(words("heating elephant"))
		w.finds(words("zebra")) // another team's
		w.finds(words("marie martin panne"), heating.Subject)
		w.finds(ticket.Worklist{View: ticket.ViewContact, From: "marie@customer.example"}, printer.Subject, heating.Subject)
		w.finds(ticket.Worklist{View: ticket.ViewSearch, From: "@customer.example", Words: []string{"printer"}}, printer.Subject)
		w.finds(ticket.Worklist{View: ticket.ViewSearch, Words: []string{"panne"}, States: []ticket.State{ticket.Closed}})
		w.finds(ticket.Worklist{View: ticket.ViewSearch, States: []ticket.State{ticket.New}, Queues: []string{"billing", "help"}}, "Zebra", printer.Subject, heating.Subject)

		// What changes is found by what it is now.
		w.alter(heating.ID, func(t *ticket.Ticket) { t.Subject, t.Tags = "Quiet now", []string{"été"} })
		for range 2 {
			w.finds(words("quiet heating"), "Quiet now")
			w.finds(ticket.Worklist{View: ticket.ViewAll, Tags: []string{"ETE"}}, "Quiet now")
			w.index()
			w.finds(words("panne"))
		}
		w.consistent()

		// And by nothing once it is erased, noted or not.
		w.alter(printer.ID, func(t *ticket.Ticket) { t.Subject = "Printer again" })
		for _, id := range []ticket.ID{heating.ID, printer.ID} {
			if err := w.Erase(ctx, "acme", id); err != nil {
				w.Fatal(err)
			}
		}
		w.finds(words("heating"))
		w.finds(words("marie quiet"))
		w.consistent()
	})
}

func TestWorklistsStandInTheOrderOfWork(t *testing.T) {
	eachEngine(t, func(w *world) {
		var all []*ticket.Ticket
		for _, subject := range []string{"first", "second", "third", "fourth"} {
			all = append(all, w.open(subject))
			w.advance(time.Minute)
		}
		list := func(v ticket.View) ticket.Worklist { return ticket.Worklist{View: v} }
		for _, indexed := range []bool{false, true} {
			if indexed {
				w.index()
			}
			w.finds(list(ticket.ViewOpen), "first", "second", "third", "fourth")
			w.finds(list(ticket.ViewAll), "fourth", "third", "second", "first")
		}
		anna := func(t *ticket.Ticket) {
			p := t.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "anna@acme.example"}})
			t.Assignee = p.Number
		}
		w.alter(all[0].ID, anna)
		w.alter(all[1].ID, func(t *ticket.Ticket) { t.State, t.Due = ticket.Waiting, w.now().Add(time.Hour) })
		w.alter(all[2].ID, func(t *ticket.Ticket) { t.Snoozed, t.Due = w.now().Add(time.Hour), w.now().Add(time.Minute) })
		w.alter(all[3].ID, func(t *ticket.Ticket) { t.Priority = ticket.Urgent })
		for range 2 {
			w.finds(list(ticket.ViewOpen), "fourth", "first")
			w.finds(list(ticket.ViewUnassigned), "fourth")
			w.finds(list(ticket.ViewMine), "first")
			w.finds(list(ticket.ViewWaiting), "second")
			w.finds(list(ticket.ViewSnoozed), "third")
			w.finds(list(ticket.ViewDue), "third", "second")
			w.finds(ticket.Worklist{View: ticket.ViewOpen, Queues: []string{"billing"}})
			w.index()
		}
		w.alter(all[0].ID, func(t *ticket.Ticket) { t.SetState(ticket.Closed, w.now()) })
		w.alter(all[3].ID, func(t *ticket.Ticket) { t.Merged = all[0].ID })
		for range 2 {
			w.finds(list(ticket.ViewMine))
			w.finds(list(ticket.ViewOpen))
			w.finds(list(ticket.ViewAll), "third", "second", "first")
			w.index()
		}
		w.consistent()
	})
}

func TestWorklistsComeInPages(t *testing.T) {
	w := embedded(t)
	const n = ticket.WorklistPage + 7
	for i := range n {
		w.open(fmt.Sprintf("number %d printer", i))
		w.advance(time.Second)
	}
	w.index()
	for _, l := range []ticket.Worklist{{View: ticket.ViewOpen}, words("printer")} {
		first, g := w.found(l)
		l.Page = 2
		second, _ := w.found(l)
		if len(first) != ticket.WorklistPage || len(second) != 7 || g.Total != n || g.Beyond {
			t.Errorf("%s: %d and %d of %+v", l.View, len(first), len(second), g)
		}
		seen := map[string]bool{}
		for _, s := range slices.Concat(first, second) {
			seen[s] = true
		}
		if len(seen) != n {
			t.Errorf("%s: the pages hold %d different tickets", l.View, len(seen))
		}
	}
}

// Whatever happens to a ticket between the moment when a daemon reads it and the one
// when it writes down what it is found by, that is right in the end: what came
// meanwhile is not written over.
func TestIndexingGivesWayToWhatCameMeanwhile(t *testing.T) {
	for name, meanwhile := range map[string]func(w *world, cold *ticket.Ticket) error{
		"it changes": func(w *world, cold *ticket.Ticket) error {
			w.alter(cold.ID, func(t *ticket.Ticket) { t.Subject = "Cold water" })
			return nil
		},
		"it changes, and another daemon was faster": func(w *world, cold *ticket.Ticket) error {
			w.alter(cold.ID, func(t *ticket.Ticket) { t.Subject = "Cold water" })
			w.index()
			return nil
		},
		"its lease is over, and another daemon was faster": func(w *world, cold *ticket.Ticket) error {
			w.advance(10 * time.Minute)
			w.index()
			return nil
		},
		"its indexes are held to it": func(w *world, cold *ticket.Ticket) error {
			return w.Reindex(ctx, false, nil, func(store.Difference) error { return nil })
		},
		"look-up keys are renewed": func(w *world, cold *ticket.Ticket) error {
			_, err := w.RenewLookups(ctx, "acme", nil)
			return err
		},
		"it is erased": func(w *world, cold *ticket.Ticket) error { return w.Erase(ctx, "acme", cold.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(w *world) {
				cold := w.open("Cold heating")
				w.open("Broken window")
				w.index()
				for _, subject := range []string{"Cold air", "Cold wall"} { // so that words go, too
					w.alter(cold.ID, func(t *ticket.Ticket) { t.Subject = subject })
				}
				came := false
				slow := w.Beside(false, func() error {
					if came {
						return nil
					}
					came = true
					return meanwhile(w, cold)
				})
				if _, err := slow.Index(ctx); err != nil && !errors.Is(err, store.ErrRenewing) || !came {
					w.Fatal(err)
				}
				w.advance(10 * time.Minute) // what it leased is due again
				w.index()
				w.consistent()
				if now, err := w.Ticket(ctx, "acme", cold.ID); err == nil {
					w.finds(words(now.Subject), now.Subject)
				}
				w.finds(words("broken window"), "Broken window")
			})
		})
	}
}

// While nothing else comes, what waits is indexed in rounds that grow: neighbours
// share what is written. Mail that comes waits for a small one only.
func TestABacklogIsIndexedInRoundsThatGrow(t *testing.T) {
	const waiting = 200
	for come, want := range map[int]int{
		0: 3, // 32, 64, 104
		3: 6, // 32 four times, 64, 11
		5: 7, // 32 six times, 13
	} {
		t.Run(fmt.Sprint(come), func(t *testing.T) {
			w := embedded(t)
			for range waiting {
				w.open("Cold heating")
			}
			rounds := 0
			w.WhenLeasing(func() {
				if rounds++; rounds <= come {
					w.open("Broken window")
				}
			})
			if n := w.index(); n != waiting+come || rounds != want {
				t.Errorf("%d tickets in %d rounds, not %d in %d", n, rounds, waiting+come, want)
			}
		})
	}
}

// Reindex finds what a search would not, and puts it right.
func TestReindexMakesTicketsFindableAgain(t *testing.T) {
	eachEngine(t, func(w *world) {
		if w.shelved {
			w.Skip("what a ticket is found by cannot be lost from a shelf alone")
		}
		cold := w.open("Cold heating")
		w.index()
		if err := w.Unindex(ctx, "acme", cold.ID); err != nil {
			w.Fatal(err)
		}
		w.finds(words("cold"))
		var told []string
		reindex := func(check bool) {
			told = nil
			err := w.Reindex(ctx, check, nil, func(d store.Difference) error { told = append(told, d.What); return nil })
			if err != nil {
				w.Fatal(err)
			}
		}
		for range 2 {
			if reindex(true); len(told) != 2 || !strings.Contains(told[0], "terms do not lead to it") || !strings.Contains(told[1], "words do not lead to it") {
				w.Fatalf("told %q", told)
			}
		}
		reindex(false)
		if reindex(true); len(told) != 0 {
			w.Errorf("still %q", told)
		}
		w.finds(words("cold"), "Cold heating")
	})
}

// While new look-up keys are taken into use, what has the old names is found too.
func TestTicketsAreFoundThroughARenewalOfLookUpKeys(t *testing.T) {
	eachEngine(t, func(w *world) {
		cold := w.open("Cold heating")
		w.index()
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		for range 2 {
			w.finds(words("cold room"), cold.Subject)
			w.finds(ticket.Worklist{View: ticket.ViewOpen}, cold.Subject)
			w.index()
		}
		w.consistent()
	})
}

// spread opens tickets of which the numbers lie far apart, in many blocks.
func (w *world) spread(n int) (all []*ticket.Ticket) {
	w.Helper()
	for i := range n {
		if err := w.LastDrawn(ctx, "acme", uint64(i)*211); err != nil {
			w.Fatal(err)
		}
		all = append(all, w.open(fmt.Sprintf("Machine number%d group%d", i, i%3)))
		w.advance(time.Second)
	}
	return all
}

func TestWordsLeadToTicketsOfAllBlocks(t *testing.T) {
	eachEngine(t, func(w *world) {
		const n = 45 // more than the packs of two words
		all := w.spread(n)
		w.index()
		holdsTo := func(groups int) {
			w.Helper()
			for i := 0; i < n; i += 6 {
				w.finds(words(fmt.Sprintf("number%d", i)), all[i].Subject)
			}
			for group := range groups {
				var want []string
				for i := n - 1; i >= 0; i-- {
					if i%3 == group {
						want = append(want, all[i].Subject)
					}
				}
				w.finds(words(fmt.Sprintf("group%d machine", group)), want...)
			}
			w.finds(words("number3 number4"))
			var every []string // of both words, many in some blocks
			for _, made := range slices.Backward(all) {
				every = append(every, made.Subject)
			}
			w.finds(words("heating machine"), every...)
		}
		holdsTo(3)
		// Fewer have a tag than a word, and more than the word has packs.
		var tagged []string
		for i := n - 3; i >= 0; i -= 3 {
			w.alter(all[i].ID, func(t *ticket.Ticket) { t.Tags = []string{"third"} })
			tagged = append(tagged, all[i].Subject)
		}
		w.index()
		w.finds(ticket.Worklist{View: ticket.ViewSearch, Words: []string{"machine"}, Tags: []string{"third"}}, tagged...)

		// A word has two names then, and so many packs.
		if _, err := w.RenewLookups(ctx, "acme", nil); err != nil {
			w.Fatal(err)
		}
		holdsTo(1)
		w.index()
		holdsTo(1)
		w.consistent()

		for _, made := range all {
			if err := w.Erase(ctx, "acme", made.ID); err != nil {
				w.Fatal(err)
			}
		}
		if left, err := w.Leads(ctx, "acme"); err != nil || len(left) > 0 {
			w.Errorf("words still lead to %v, %v", left, err)
		}
	})
}

// A word that more tickets have than a search looks at gives the newest of them.
func TestASearchEnds(t *testing.T) {
	w := embedded(t)
	w.open("Machine of old")
	if err := w.LastDrawn(ctx, "acme", 20_000); err != nil {
		t.Fatal(err)
	}
	made := w.open("Machine of now")
	w.index()
	if err := w.PretendWords(ctx, "acme", "help", "machine", 2, 10_001); err != nil {
		t.Fatal(err)
	}
	got, g := w.found(words("machine"))
	if !slices.Equal(got, []string{made.Subject}) || !g.Beyond {
		t.Errorf("found %q, %+v", got, g)
	}
	got, g = w.found(words("machine old"))
	if !slices.Equal(got, []string{"Machine of old"}) || g.Beyond {
		t.Errorf("found %q, %+v", got, g)
	}
}

// Reindex finds packs that lead to what does not want it, or do not to what does.
func TestReindexHoldsPacksToTickets(t *testing.T) {
	eachEngine(t, func(w *world) {
		all := w.spread(4)
		w.index()
		numbers := []uint64{all[0].Reference.Number, all[3].Reference.Number, 500}
		if err := w.Mislead(ctx, "acme", "machine", numbers...); err != nil {
			w.Fatal(err)
		}
		want := map[string]int{"ticket:" + all[0].ID.String(): 1, "ticket:" + all[3].ID.String(): 1, "by-number:7": 1}
		for range 2 {
			if got, text := w.differences(true); !maps.Equal(got, want) {
				w.Errorf("%v\n%s", got, text)
			}
		}
		w.differences(false)
		w.consistent()
		w.finds(words("machine group0 number0"), all[0].Subject)
	})
}

func TestAMorningTellsWhatThereIsToDo(t *testing.T) {
	eachEngine(t, func(w *world) {
		morning := func(agent ticket.Address) string {
			w.index()
			m, err := w.Morning(ctx, "acme", "help", agent, w.now())
			if err != nil {
				w.Fatal(err)
			}
			return fmt.Sprintf("new %d, due %d, long %d, mine %d, failed %d, held %d", m.New.Total, m.Due.Total, m.Long.Total, m.Mine.Total, m.Failed.Total, m.Held)
		}
		want := func(agent ticket.Address, want string) {
			w.Helper()
			if got := morning(agent); got != want {
				w.Errorf("%s is told %s, want %s", agent, got, want)
			}
		}
		want("anna@acme.example", "new 0, due 0, long 0, mine 0, failed 0, held 0")
		one, two := w.open("one"), w.open("two")
		w.alter(one.ID, func(t *ticket.Ticket) {
			p := t.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Address: "anna@acme.example"}})
			t.State, t.Assignee = ticket.Open, p.Number
		})
		want("anna@acme.example", "new 1, due 0, long 0, mine 1, failed 0, held 0")
		want("ben@acme.example", "new 1, due 0, long 0, mine 0, failed 0, held 0")
		w.advance(49 * time.Hour)
		want("ben@acme.example", "new 1, due 0, long 2, mine 0, failed 0, held 0")
		w.alter(two.ID, func(t *ticket.Ticket) { t.State, t.Due = ticket.Waiting, w.now().Add(23*time.Hour) })
		want("ben@acme.example", "new 0, due 1, long 1, mine 0, failed 0, held 0")
		for _, d := range w.lease(9, time.Minute) {
			if err := w.Settle(ctx, d, ticket.Outcome{State: ticket.Failed}); err != nil {
				w.Fatal(err)
			}
		}
		want("ben@acme.example", "new 0, due 1, long 1, mine 0, failed 2, held 0")
		w.advance(25 * time.Hour)
		want("ben@acme.example", "new 0, due 1, long 1, mine 0, failed 0, held 0")
	})
}
