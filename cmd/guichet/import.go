package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"time"

	"guichet/router"
	"guichet/ticket"
)

type importCommand struct {
	Archives []string `arg:"" name:"archive" help:"The old mail: mbox files, Maildirs. What was received and what was sent belong together: name both."`
	Site     string   `required:"" placeholder:"NAME" help:"The site that it is of."`
	Queue    string   `required:"" placeholder:"NAME" help:"The queue that it goes to."`
	Ours     []string `placeholder:"ADDRESS" help:"Others who answered then, beside the agents and the addresses of now."`
	Closed   bool     `help:"All tickets are closed."`
	OpenDays int      `name:"open-days" default:"14" placeholder:"N" help:"Else those are open whose customer wrote last, at most so many days ago."`
	DryRun   bool     `name:"dry-run" help:"Tell what would be done, and do nothing."`
	JSON     bool     `name:"json" help:"One object with what was done."`
}

func (importCommand) Help() string {
	return example("guichet import inbox.mbox sent.mbox --site acme --queue help --dry-run",
		"guichet import Maildir --site acme --queue help --ours paul@acme.example") + `

Takes history in: a ticket for each conversation, with the mails as they were,
and their dates. Nobody is mailed. What the team wrote to itself stays internal.
A mail that is here already is not taken again, so the same call may be made
twice, and one that was broken off goes on. It works beside a running daemon.`
}

// Run takes old mail in.
func (c importCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		i, err := c.begin(t)
		if err != nil {
			return err
		}
		if err := i.archives.scan(ctx); err != nil {
			return err
		}
		for _, thread := range i.archives.threads() {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("broken off: the same call goes on (%w)", err)
			}
			if err := i.thread(ctx, thread); err != nil {
				return err
			}
		}
		if err := i.index(ctx); err != nil {
			return err
		}
		return i.tell()
	})
}

// index has searches find what was taken in, which a daemon would look for within
// minutes.
func (i *importing) index(ctx context.Context) error {
	if i.c.DryRun {
		return nil
	}
	if _, err := i.store.Index(ctx); err != nil {
		return fmt.Errorf("the mail is in; searches find it when a daemon has indexed it: %w", err)
	}
	return nil
}

// importing is history on its way in.
type importing struct {
	*tool
	c        importCommand
	history  *router.History
	archives *archives
	// keep is how long closed tickets are kept; 0 is for ever.
	keep time.Duration
	now  time.Time
	done importObject
}

type importObject struct {
	Mails   int  `json:"mails"`
	Taken   int  `json:"taken"`
	Known   int  `json:"known"` // here already, or twice in the archives
	LeftOut int  `json:"left_out"`
	Tickets int  `json:"tickets"`
	Open    int  `json:"open"`
	Added   int  `json:"added_to"` // tickets that were here
	DryRun  bool `json:"dry_run"`
	// Problems are the mails that were left out, the first of them.
	Problems []importProblem `json:"problems,omitempty"`
}

type importProblem struct {
	Mail string `json:"mail"`
	Why  string `json:"why"`
}

// begin checks what the command line says.
func (c importCommand) begin(t *tool) (*importing, error) {
	if _, err := t.sites(c.Site); err != nil {
		return nil, err
	}
	all, err := sitesOf(t.settings)
	if err != nil {
		return nil, err
	}
	i := &importing{tool: t, c: c, now: t.Now(), history: &router.History{}}
	for n := range all {
		if all[n].Name == c.Site {
			i.history.Site, i.keep = &all[n], t.settings.Sites[n].Retention.Closed
		}
	}
	queue, ok := i.history.Site.Queue(c.Queue)
	if !ok {
		return nil, usageError(fmt.Sprintf("site %s has no queue %q", c.Site, printable(c.Queue)))
	}
	i.history.Queue = queue
	for _, text := range c.Ours {
		a, err := ticket.ParseAddress(text)
		if err != nil {
			return nil, usageError(fmt.Sprintf("--ours %q is no address", printable(text)))
		}
		i.history.Ours = append(i.history.Ours, a)
	}
	i.history.Mint = ticket.Mint{Signer: t.store.Signer(), Pepper: t.store.Pepper(), Random: rand.Reader, Hostname: t.settings.Hostname}
	i.archives, err = t.openArchives(c.Archives, i.history.Team, t.quietly(c.JSON))
	if err != nil {
		return nil, err
	}
	i.archives.problem = i.leaveOut
	return i, nil
}

// problemsKept is how many problems are named.
const problemsKept = 1000

// leaveOut counts a mail that is not taken, and says why.
func (i *importing) leaveOut(mail, why string) {
	i.done.LeftOut++
	if len(i.done.Problems) < problemsKept {
		i.done.Problems = append(i.done.Problems, importProblem{mail, why})
	}
}

func (i *importing) leaveAllOut(mails []*oldMail, why string) {
	for _, m := range mails {
		i.leaveOut(i.archives.nameOf(m), why)
	}
}

// thread takes one conversation in.
func (i *importing) thread(ctx context.Context, mails []*oldMail) error {
	defer i.archives.took(mails)
	last := mails[len(mails)-1]
	state := i.state(last)
	if state == ticket.Closed && i.keep > 0 && last.at.Add(i.keep).Before(i.now) {
		i.leaveAllOut(mails, "older than retention.closed keeps")
		return nil
	}
	at, mails, err := i.known(ctx, mails)
	if err != nil || len(mails) == 0 {
		return err
	}
	existed := at != nil
	for len(mails) > 0 {
		some, rest := batch(mails)
		past := i.archives.read(some)
		if len(past) > 0 {
			taken, err := i.take(ctx, at, past, func(t *ticket.Ticket) {
				if !existed {
					t.State, t.Closed = state, time.Time{}
					if state == ticket.Closed {
						t.Closed = last.at
					}
				}
			})
			if err != nil {
				return err
			}
			if taken == nil {
				i.leaveAllOut(mails, "no customer has to do with it")
				return nil
			}
			if at == nil {
				i.count(state)
			}
			at = taken
			i.done.Taken += len(past)
		}
		mails = rest
	}
	if existed {
		i.done.Added++
	}
	return nil
}

func (i *importing) count(state ticket.State) {
	i.done.Tickets++
	if state != ticket.Closed {
		i.done.Open++
	}
}

// state is where a conversation stands whose last mail that is.
func (i *importing) state(last *oldMail) ticket.State {
	recent := last.at.AddDate(0, 0, i.c.OpenDays).After(i.now)
	if i.c.Closed || last.team || last.machine || !recent {
		return ticket.Closed
	}
	return ticket.Open
}

// take writes mails, to the ticket at or to a new one, and gives it as it is
// then; nil where there is nobody whose ticket it could be.
func (i *importing) take(ctx context.Context, at *ticket.Ticket, past []router.Past, finish func(*ticket.Ticket)) (*ticket.Ticket, error) {
	for tries := 0; ; tries++ {
		var change *ticket.Change
		var changed *ticket.Ticket
		operation := "import " + ticket.NewID(rand.Reader).String()
		if at == nil {
			change, changed = i.history.Begin(past, operation, i.now)
		} else {
			change, changed = i.history.Continue(at, past, operation, i.now)
		}
		if change == nil {
			return nil, nil
		}
		finish(changed)
		if i.c.DryRun {
			return changed, nil
		}
		_, err := i.store.Commit(ctx, change)
		switch {
		case err == nil:
			return i.store.Ticket(ctx, i.c.Site, changed.ID)
		case !errors.Is(err, ticket.ErrConflict) || tries == holdTries:
			return nil, err
		case at != nil:
			if at, err = i.store.Ticket(ctx, i.c.Site, at.ID); err != nil {
				return nil, err
			}
		}
	}
}

// knownAtOnce is how many Message-IDs are looked up at once.
const knownAtOnce = 100

// known gives the ticket that mails of a conversation are on already, and those
// that are not.
func (i *importing) known(ctx context.Context, mails []*oldMail) (*ticket.Ticket, []*oldMail, error) {
	var at *ticket.Ticket
	here := map[string]bool{}
	for from := 0; from < len(mails); from += knownAtOnce {
		part := mails[from:min(from+knownAtOnce, len(mails))]
		ids := make([]string, len(part))
		for n, m := range part {
			ids[n] = m.id
		}
		keys := i.history.Keys(ids)
		facts, err := i.store.Facts(ctx, ticket.Query{Site: i.c.Site, MessageIDs: keys})
		if err != nil {
			return nil, nil, err
		}
		for n, key := range keys {
			id, ok := facts.ByMessageID[key]
			if !ok {
				continue
			}
			if at == nil {
				at = facts.Tickets[id]
			}
			here[ids[n]] = here[ids[n]] || part[n].nameless
		}
	}
	if at == nil {
		return nil, mails, nil
	}
	if !at.Merged.IsZero() {
		i.done.Known += len(mails)
		return nil, nil, nil
	}
	for after := 0; after < at.Articles; after += knownAtOnce {
		articles, err := i.store.Articles(ctx, i.c.Site, at.ID, after, knownAtOnce)
		if err != nil {
			return nil, nil, err
		}
		for _, a := range articles {
			here[a.MessageID] = true
		}
	}
	var fresh []*oldMail
	for _, m := range mails {
		if here[m.id] {
			i.done.Known++
			continue
		}
		fresh = append(fresh, m)
	}
	return at, fresh, nil
}

// problemsShown is how many problems a person is shown.
const problemsShown = 20

// tell says what was done.
func (i *importing) tell() error {
	i.done.Mails, i.done.DryRun = i.archives.seen, i.c.DryRun
	i.done.Known += i.archives.twice
	if i.c.JSON {
		return i.object(i.done)
	}
	number := func(title string) column { return column{title: title, right: true} }
	table := i.table(number("MAILS"), number("TAKEN"), number("KNOWN"), number("LEFT OUT"), number("TICKETS"), number("OPEN"), number("ADDED TO"))
	cells := make([]string, 0, 7)
	for _, n := range []int{i.done.Mails, i.done.Taken, i.done.Known, i.done.LeftOut, i.done.Tickets, i.done.Open, i.done.Added} {
		cells = append(cells, strconv.Itoa(n))
	}
	if err := errors.Join(table.add(nil, cells...), table.flush()); err != nil {
		return err
	}
	for n, p := range i.done.Problems {
		if n == problemsShown {
			fmt.Fprintf(i.Stderr, "… and %d more were left out; --json names them.\n", i.done.LeftOut-n)
			break
		}
		fmt.Fprintf(i.Stderr, "left out: %s: %s\n", printable(p.Mail), p.Why)
	}
	if i.c.DryRun {
		fmt.Fprintln(i.Stdout, "Nothing was done: this was a dry run.")
	}
	return nil
}
