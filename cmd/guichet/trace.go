package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"guichet/router"
	"guichet/store"
	"guichet/ticket"
)

type traceCommand struct {
	Name string `arg:"" name:"ref" help:"The reference of a ticket, the Message-ID of a mail that came or left, or the id of a notice."`
	JSON bool   `name:"json" help:"One object a line for each step."`
}

func (traceCommand) Help() string {
	return example("guichet trace ACM-1042", "guichet trace '<20260302.1@customer.example>'", "guichet trace ngsvdeca2jhtiy3x",
		"guichet trace ACM-1042 --json | jq -r 'select(.step == \"attempt\") | .answer'") + `

Of a ticket it shows every message; of a Message-ID or a notice that one alone.
ID is that of the mail's transaction (it stands in our 250, in Received and in
the log) or of the notice. The newest ` + fmt.Sprint(ticket.TriesKept) + ` attempts of a notice are kept.`
}

// Run shows the way of a message, or of all of a ticket.
func (c traceCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		ways, err := t.waysOf(ctx, strings.Trim(c.Name, "<> "))
		for i := 0; i < len(ways) && err == nil; i++ {
			if i > 0 && !c.JSON {
				err = p.write("\n")
			}
			err = errors.Join(err, c.print(p, ways[i]))
		}
		return err
	})
}

func (c traceCommand) print(p *program, w *way) error {
	if !c.JSON {
		if err := p.write(w.title(p)); err != nil {
			return err
		}
	}
	table := p.list(c.JSON, column{title: "TIME"}, column{title: "STEP"}, column{title: "ID"}, column{title: "WHAT", flex: true})
	for _, s := range w.steps() {
		if err := table.add(s, exactly(s.At, p.Now()), s.Step, s.ID, s.words()); err != nil {
			return err
		}
	}
	return table.flush()
}

// way is what is traced: mail that came, and the notices that it led to.
type way struct {
	site   string
	ticket *ticket.Ticket // nil where there is none, or none any more
	// articles are those of the ticket that are traced; held is mail that was kept
	// aside, instead.
	articles []ticket.Article
	held     *ticket.Held
	notices  []ticket.Delivery
}

// waysOf finds what somebody names, by what they have at hand. A mail to several
// queues has several ways.
func (t *tool) waysOf(ctx context.Context, name string) ([]*way, error) {
	if strings.Contains(name, "@") {
		return t.waysOfMail(ctx, name)
	}
	found, err := t.find(ctx, name)
	if err == nil {
		w, err := t.wholeWay(ctx, found)
		return []*way{w}, err
	}
	for _, s := range t.settings.Sites {
		d, notFound := t.store.Notice(ctx, s.Name, strings.ToLower(name))
		if notFound == nil {
			w, err := t.wayOfNotice(ctx, d)
			return []*way{w}, err
		}
		if !errors.Is(notFound, store.ErrNotFound) {
			return nil, notFound
		}
	}
	if errors.Is(err, errNoTicket) {
		err = fmt.Errorf("%w, and no notice of that id; a mail is named by its whole Message-ID", err)
	}
	return nil, err
}

// wholeWay is that of all that belongs to a ticket.
func (t *tool) wholeWay(ctx context.Context, about *ticket.Ticket) (*way, error) {
	w := &way{site: about.Site, ticket: about}
	var err error
	if w.articles, err = t.articles(ctx, about); err != nil {
		return nil, err
	}
	w.notices, err = t.store.Notices(ctx, about.Site, about.ID)
	return w, err
}

// wayOfNotice is that of a mail that we owed.
func (t *tool) wayOfNotice(ctx context.Context, d ticket.Delivery) (*way, error) {
	about, err := t.ticketOf(ctx, d.Notice.Site, d.Notice.Ticket)
	return &way{site: d.Notice.Site, ticket: about, notices: []ticket.Delivery{d}}, err
}

// waysOfMail are those of a mail by its Message-ID: one that came into tickets,
// one that left, or one that is held.
func (t *tool) waysOfMail(ctx context.Context, messageID string) ([]*way, error) {
	tickets, err := t.ticketsOfMail(ctx, messageID)
	if err != nil {
		return nil, err
	}
	var all []*way
	for _, about := range tickets {
		w, err := t.wholeWay(ctx, about)
		if err != nil {
			return nil, err
		}
		if w.narrow(messageID) {
			all = append(all, w)
		}
	}
	held, err := t.waysOfHeld(ctx, messageID)
	if all = append(all, held...); err == nil && len(all) == 0 {
		err = fmt.Errorf("no mail with the Message-ID <%s> is on a ticket, was sent, or is held", printable(messageID))
	}
	return all, err
}

// ticketsOfMail are the tickets that a Message-ID leads to, by the token in one
// of ours, or by the store's index.
func (t *tool) ticketsOfMail(ctx context.Context, messageID string) ([]*ticket.Ticket, error) {
	var looks []func() (*ticket.Ticket, error)
	sites, err := sitesOf(t.settings)
	if err != nil {
		return nil, err
	}
	token, ours := ticket.TokenOfMessageID(messageID)
	for _, s := range sites {
		if ours {
			looks = append(looks, func() (*ticket.Ticket, error) { return t.store.Ticket(ctx, s.Name, token.Ticket) })
		}
		for i := range s.Queues {
			looks = append(looks, func() (*ticket.Ticket, error) {
				return t.store.ByMessageID(ctx, s.Name, router.ThreadKey(&s.Queues[i], messageID))
			})
		}
	}
	var all []*ticket.Ticket
	for _, look := range looks {
		found, err := look()
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(t *ticket.Ticket) bool { return t.ID == found.ID }) {
			all = append(all, found)
		}
	}
	return all, nil
}

// narrow keeps of a ticket's way what belongs to one mail, and reports whether
// there is anything.
func (w *way) narrow(messageID string) bool {
	i := slices.IndexFunc(w.articles, func(a ticket.Article) bool { return a.MessageID == messageID })
	if i < 0 {
		w.articles = nil
		w.notices = slices.DeleteFunc(w.notices, func(d ticket.Delivery) bool { return d.Notice.MessageID != messageID })
		return len(w.notices) > 0
	}
	at := w.articles[i].At // what one commit wrote has one time
	w.articles = slices.DeleteFunc(w.articles, func(a ticket.Article) bool { return !a.At.Equal(at) })
	w.notices = slices.DeleteFunc(w.notices, func(d ticket.Delivery) bool { return !d.Notice.Created.Equal(at) })
	return true
}

// waysOfHeld looks for a mail among those that were kept aside.
func (t *tool) waysOfHeld(ctx context.Context, messageID string) ([]*way, error) {
	mails, err := t.heldMail(ctx, "")
	if err != nil {
		return nil, err
	}
	var all []*way
	for h, err := range mails.all() {
		if err != nil {
			return nil, err
		}
		if h.MessageID != messageID {
			continue
		}
		w := &way{site: h.Site, held: h}
		if w.ticket, err = t.ticketOf(ctx, h.Site, h.Ticket); err != nil {
			return nil, err
		}
		if w.ticket != nil {
			w.notices, err = t.store.Notices(ctx, h.Site, h.Ticket)
			w.notices = slices.DeleteFunc(w.notices, func(d ticket.Delivery) bool { return d.Notice.Held != h.ID })
		}
		if all = append(all, w); err != nil {
			return nil, err
		}
	}
	return all, nil
}
