package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"guichet/router"
	"guichet/store"
	"guichet/ticket"
)

type heldCommand struct {
	List    heldList    `cmd:"" default:"withargs" help:"Show the mail that was kept aside, oldest first."`
	Show    heldShow    `cmd:"" help:"Read one."`
	Release heldRelease `cmd:"" help:"File mail into its ticket, or as a new one."`
	Drop    heldDrop    `cmd:"" help:"Throw mail away, for good."`
}

func (heldCommand) Help() string {
	return example("guichet held", "guichet held show ngsvdeg6usrt", "guichet held release ngsvdeg6usrt")
}

// whyHeld says in a sentence why mail was kept aside.
var whyHeld = map[ticket.Why]string{
	ticket.HeldStranger:    "it came into a ticket from somebody who is not on it",
	ticket.HeldAlias:       "it came with an agent's token, from an address that is not known as theirs",
	ticket.HeldUnproved:    "it claims to be from a participant or an agent, and nothing proves that",
	ticket.HeldUnconfirmed: "nothing proves its sender, and the site wants requests confirmed first",
	ticket.HeldBounce:      "it is a bounce of nothing that was sent from here",
	ticket.HeldAutoReply:   "it is an automatic answer to nothing that is known here",
	ticket.HeldCommand:     "it holds an agent's commands, and belongs to no ticket",
	ticket.HeldWish:        "it asks for something that was answered, and says more besides",
	ticket.HeldSight:       "somebody who is enrolled wishes to see all that is open at the site",
	ticket.HeldRemoved:     "it is from somebody who was taken off the ticket or the team",
	ticket.HeldPostmaster:  "it is for the admin",
	ticket.HeldNoSender:    "it has no author, several, or one who cannot be written to",
	ticket.HeldPolicy:      "its From domain does not stand behind it, and wants such mail refused or set aside",
	ticket.HeldSuspect:     "a block list or a scanner at the door is against it",
	ticket.HeldOwn:         "it is from an address of this installation: a loop, or a forgery",
	ticket.HeldProbe:       "it is a probe of guichet doctor that came home late",
	ticket.HeldSpam:        "an agent called an earlier mail of its sender spam",
}

// heldMail is the listing of what the sites hold, oldest first.
func (t *tool) heldMail(ctx context.Context, only string) (*listing[*ticket.Held], error) {
	sites, err := t.sites(only)
	if err != nil {
		return nil, err
	}
	oldest := func(a, b *ticket.Held) bool { return a.At.Before(b.At) }
	return listSites(sites, oldest, func(site string, after store.Cursor, n int) (store.Page[*ticket.Held], error) {
		return t.store.HeldMail(ctx, site, after, n)
	}), nil
}

type heldList struct {
	Site  string `placeholder:"NAME" help:"Of this site only."`
	Limit int    `default:"50" help:"At most so many; 0 is all."`
	JSON  bool   `name:"json" help:"One object a line for each mail."`
}

func (heldList) Help() string {
	return example("guichet held", "guichet held --json | jq -r 'select(.why == \"bounce\") | .id' | xargs guichet held drop")
}

// Run lists held mail.
func (c heldList) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		mails, err := t.heldMail(ctx, c.Site)
		if err != nil {
			return err
		}
		table := p.list(c.JSON, column{title: "ID"}, column{title: "WHY"}, column{title: "FROM"}, column{title: "TICKET"},
			column{title: "WHEN", right: true}, column{title: "SUBJECT", flex: true})
		return mails.print(p, table, c.Limit, "held mail", func(h *ticket.Held) error {
			into, err := t.ticketOf(ctx, h.Site, h.Ticket)
			if err != nil {
				return err
			}
			return table.add(heldOf(h, into), shortID(h.ID), string(h.Why), string(h.From.Address), referenceOf(into), ago(h.At, p.Now()), h.Subject)
		})
	})
}

// heldObject is held mail as programs get it.
type heldObject struct {
	ID          string             `json:"id"`
	Site        string             `json:"site"`
	Queue       string             `json:"queue"`
	Ticket      string             `json:"ticket"`
	Why         ticket.Why         `json:"why"`
	From        personObject       `json:"from"`
	Subject     string             `json:"subject"`
	MessageID   string             `json:"message_id"`
	Proof       string             `json:"proof"`
	Reason      string             `json:"reason"`
	Automatic   string             `json:"automatic"`
	At          time.Time          `json:"at"`
	Attachments []attachmentObject `json:"attachments"`
	// Text is given where one mail is shown, and left out of lists.
	Text *string `json:"text,omitempty"`
}

func heldOf(h *ticket.Held, into *ticket.Ticket) heldObject {
	return heldObject{
		ID: h.ID, Site: h.Site, Queue: h.Queue, Ticket: referenceOf(into), Why: h.Why, From: personOf(h.From),
		Subject: h.Subject, MessageID: h.MessageID, Proof: h.Proof.String(), Reason: h.Reason, Automatic: h.Automatic,
		At: h.At, Attachments: attachmentsOf(h.Attachments),
	}
}

// pickHeld finds the mails that somebody names.
func (t *tool) pickHeld(ctx context.Context, site string, ids []string) ([]*ticket.Held, error) {
	mails, err := t.heldMail(ctx, site)
	if err != nil {
		return nil, err
	}
	return pick(mails, "held mail", func(h *ticket.Held) string { return h.ID }, ids)
}

type heldShow struct {
	ID   string `arg:"" help:"Its id, or as much of it as is unique."`
	Raw  bool   `help:"The mail as it came."`
	JSON bool   `name:"json" help:"One object."`
}

func (heldShow) Help() string {
	return example("guichet held show ngsvdeg6usrt", "guichet held show ngsvdeg6usrt --raw | guichet explain")
}

// Run shows one held mail.
func (c heldShow) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		picked, err := t.pickHeld(ctx, "", []string{c.ID})
		if err != nil {
			return err
		}
		h := picked[0]
		if c.Raw {
			return p.copyRaw(func() (io.ReadCloser, error) { return t.store.OpenHeldBlob(ctx, h, h.Raw) })
		}
		into, err := t.ticketOf(ctx, h.Site, h.Ticket)
		if err != nil {
			return err
		}
		if c.JSON {
			o := heldOf(h, into)
			o.Text = &h.Text
			return p.object(o)
		}
		return p.write(p.heldText(h, into))
	})
}

func (p *program) heldText(h *ticket.Held, into *ticket.Ticket) string {
	f := fields{p: p}
	f.add("From", person(h.From))
	f.add("Subject", h.Subject)
	f.add("Came", moment(h.At, p.Now()))
	f.add("Held", string(h.Why)+": "+whyHeld[h.Why])
	f.add("Proof", h.Proof.String()+": "+h.Reason)
	f.add("Automatic", h.Automatic)
	f.add("Ticket", referenceOf(into))
	f.add("Queue", where(h.Site, h.Queue))
	f.add("Message-ID", h.MessageID)
	f.add("ID", h.ID)
	var b strings.Builder
	b.WriteString(f.text())
	b.WriteString("\n")
	p.indent(&b, h.Text)
	attached(&b, h.Attachments)
	return b.String()
}

// where names a queue and its site.
func where(site, queue string) string {
	if queue == "" {
		return "(" + site + ")"
	}
	return queue + " (" + site + ")"
}

// mails are the held mails that somebody names.
type mails struct {
	ID   []string `arg:"" help:"Ids, or as much of them as is unique."`
	Site string   `placeholder:"NAME" help:"Of this site only."`
	JSON bool     `name:"json" help:"One object a line for each mail."`
}

// each does one thing with every mail that is named, and goes on where one
// fails.
func (c mails) each(ctx context.Context, p *program, do func(*tool, *ticket.Held) (string, error)) error {
	return p.with(ctx, func(t *tool) error {
		picked, err := t.pickHeld(ctx, c.Site, c.ID)
		if err != nil {
			return err
		}
		r := p.outcomes(c.JSON)
		for _, h := range picked {
			done, err := do(t, h)
			r.add(h.ID, done, "from "+person(ticket.Mailbox{Address: h.From.Address})+", "+h.Subject, err)
		}
		return r.end()
	})
}

type heldRelease struct{ mails }

func (heldRelease) Help() string {
	return example("guichet held release ngsvdeg6usrt") + `

Its writer takes part in the ticket from then on, and the agents get it.`
}

// Run files held mail.
func (c heldRelease) Run(ctx context.Context, p *program) error {
	return c.each(ctx, p, func(t *tool, h *ticket.Held) (string, error) {
		sites, err := sitesOf(t.settings)
		if err != nil {
			return "", err
		}
		r := p.newRouter(t.settings, router.NewDirectory(t.settings.Hostname, sites), t.store, mintOf(t.store))
		into, err := t.ticketOf(ctx, h.Site, h.Ticket)
		if err != nil {
			return "", err
		}
		result, err := r.Release(ctx, h, func(b ticket.BlobID) (io.ReadCloser, error) { return t.store.OpenHeldBlob(ctx, h, b) })
		switch {
		case errors.Is(err, router.ErrNoQueue):
			return "", errors.New("the settings have no queue that would take it; read it with guichet held show, or drop it")
		case err != nil:
			return "", err
		case h.Why == ticket.HeldSight:
			return "is granted: they may see the whole site", nil
		case len(result.References) > 0:
			return "is a new ticket, " + result.References[0].String(), nil
		}
		return "is now in " + referenceOf(into), nil
	})
}

type heldDrop struct{ mails }

func (heldDrop) Help() string { return example("guichet held drop ngsvdeg6usrt") }

// Run throws held mail away.
func (c heldDrop) Run(ctx context.Context, p *program) error {
	return c.each(ctx, p, func(t *tool, h *ticket.Held) (string, error) {
		err := t.store.DropHeld(ctx, h.Site, h.ID)
		if errors.Is(err, store.ErrLegalHold) {
			err = errors.New("the ticket that it came into is under a legal hold; guichet hold --release lifts it")
		}
		return "is dropped", err
	})
}
