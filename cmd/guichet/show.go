package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/store"
	"guichet/ticket"
)

type showCommand struct {
	Ticket string `arg:"" name:"ref" help:"Its reference; also its id in the log, or its tracking code."`
	Raw    int    `placeholder:"N" help:"Article N as the mail that came."`
	Save   string `placeholder:"DIR" help:"Write the attachments into a directory."`
	JSON   bool   `name:"json" help:"One object."`
}

func (showCommand) Help() string {
	return example("guichet show ACM-1042", "guichet show ACM-1042 --raw 1 | guichet explain",
		"guichet show ACM-1042 --save files", "guichet show ACM-1042 --json | jq -r '.history[].text'")
}

// Run shows a ticket with all that happened to it.
func (c showCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) error {
		found, err := t.find(ctx, c.Ticket)
		if err != nil {
			return err
		}
		articles, err := t.articles(ctx, found)
		if err != nil {
			return err
		}
		switch {
		case c.Raw != 0:
			return t.showRaw(ctx, found, articles, c.Raw)
		case c.Save != "":
			return t.saveFiles(ctx, found, articles, c.Save)
		}
		history, err := t.history(ctx, found, articles)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.object(history.object(p.Now()))
		}
		return history.print(p)
	})
}

// errNoTicket is before the name of one that is not here.
var errNoTicket = errors.New("there is no ticket")

// find gives the ticket that somebody names, by what they have at hand, or
// errNoTicket.
func (t *tool) find(ctx context.Context, name string) (*ticket.Ticket, error) {
	missing := fmt.Errorf("%w %s", errNoTicket, printable(name))
	if reference, err := ticket.ParseReference(name); err == nil {
		found, err := t.store.ByReference(ctx, reference)
		if errors.Is(err, store.ErrNotFound) {
			return nil, missing
		}
		return found, err
	}
	id, err := ticket.ParseID(name)
	for _, s := range t.settings.Sites {
		looks := []func() (*ticket.Ticket, error){func() (*ticket.Ticket, error) {
			site, err := siteOf(s)
			if err != nil {
				return nil, err
			}
			return t.store.ByTracking(ctx, s.Name, site.Tracking.Normalize(name))
		}}
		if err == nil {
			looks = append(looks, func() (*ticket.Ticket, error) { return t.store.Ticket(ctx, s.Name, id) })
		}
		for _, look := range looks {
			if found, err := look(); !errors.Is(err, store.ErrNotFound) {
				return found, err
			}
		}
	}
	return nil, missing
}

// articles are all of a ticket's.
func (t *tool) articles(ctx context.Context, about *ticket.Ticket) ([]ticket.Article, error) {
	var all []ticket.Article
	for after := 0; after < about.Articles; after += pageLength {
		some, err := t.store.Articles(ctx, about.Site, about.ID, after, pageLength)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// showRaw prints the mail that an article came by.
func (t *tool) showRaw(ctx context.Context, about *ticket.Ticket, articles []ticket.Article, number int) error {
	i := slices.IndexFunc(articles, func(a ticket.Article) bool { return a.Number == number })
	switch {
	case i < 0:
		return fmt.Errorf("%s has %s, and no number %d", about.Reference, count(about.Articles, "article"), number)
	case articles[i].Raw == "":
		return fmt.Errorf("article %d came by no mail", number)
	}
	return t.copyRaw(func() (io.ReadCloser, error) { return t.store.OpenBlob(ctx, about.Site, about.ID, articles[i].Raw) })
}

// rawGone says what an administrator may want to change.
func rawGone(err error) error {
	if errors.Is(err, store.ErrBlobGone) {
		return errors.New("the mail as it came is gone; retention.raw says how long it is kept")
	}
	return err
}

// saveFiles writes the attachments into a directory, under their article's
// number and their own name. It overwrites nothing.
func (t *tool) saveFiles(ctx context.Context, about *ticket.Ticket, articles []ticket.Article, dir string) error {
	if err := os.MkdirAll(t.path(dir), 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(t.path(dir)) // names come from strangers
	if err != nil {
		return err
	}
	defer root.Close()
	saved := 0
	for _, a := range articles {
		for _, file := range a.Attachments {
			name := strconv.Itoa(a.Number) + "-" + filepath.Base(file.Name)
			if err := t.saveFile(ctx, about, file, root, name); err != nil {
				return fmt.Errorf("%s: %w", printable(name), err)
			}
			fmt.Fprintln(t.Stdout, printable(filepath.Join(dir, name)))
			saved++
		}
	}
	if saved == 0 {
		fmt.Fprintf(t.Stderr, "%s has no attachments.\n", about.Reference)
	}
	return nil
}

func (t *tool) saveFile(ctx context.Context, about *ticket.Ticket, file ticket.Attachment, root *os.Root, name string) error {
	r, err := t.store.OpenBlob(ctx, about.Site, about.ID, file.Blob)
	if err != nil {
		return err
	}
	defer r.Close()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return errors.New("there already, and left as it is")
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// history is a ticket with all that belongs to it.
type history struct {
	ticket   *ticket.Ticket
	previous *ticket.Ticket // nil for none, or one that is gone
	articles []ticket.Article
	notices  []ticket.Delivery
}

func (t *tool) history(ctx context.Context, about *ticket.Ticket, articles []ticket.Article) (history, error) {
	h := history{ticket: about, articles: articles}
	var err error
	if h.previous, err = t.ticketOf(ctx, about.Site, about.Previous); err != nil {
		return h, err
	}
	h.notices, err = t.store.Notices(ctx, about.Site, about.ID)
	slices.SortFunc(h.notices, func(a, b ticket.Delivery) int {
		return cmp.Or(a.Notice.Created.Compare(b.Notice.Created), cmp.Compare(a.Notice.To, b.Notice.To))
	})
	return h, err
}

// print writes a ticket for people.
func (h history) print(p *program) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", p.style.bold(h.ticket.Reference.String()), p.style.bold(printable(h.ticket.Subject)))
	b.WriteString(h.head(p))
	for _, a := range h.articles {
		b.WriteString("\n")
		h.article(p, &b, a)
	}
	if len(h.notices) > 0 {
		fmt.Fprintf(&b, "\n%s\n", p.style.bold("Mails of this ticket"))
	}
	if err := p.write(b.String()); err != nil {
		return err
	}
	table := p.table(column{title: "MADE"}, column{title: "KIND"}, column{title: "TO"}, column{title: "STATE"},
		column{title: "ATTEMPTS", right: true}, column{title: "ID"}, column{title: "ERROR", flex: true})
	for _, d := range h.notices {
		n := d.Notice
		err := table.add(nil, clock(n.Created, p.Now()), string(n.Kind), string(recipientOf(n, h.ticket).Address),
			string(d.State), strconv.Itoa(d.Attempts), shortID(n.ID), d.Error)
		if err != nil {
			return err
		}
	}
	return table.flush()
}

// head is what is known of a ticket at a glance.
func (h history) head(p *program) string {
	t, now := h.ticket, p.Now()
	state := string(t.State)
	if t.Unproved {
		state += ", not proved"
	}
	f := fields{p: p}
	f.add("State", state)
	if t.LegalHold {
		f.add("Legal hold", "yes: nothing of it is erased")
	}
	f.add("Queue", where(t.Site, t.Queue))
	for _, role := range []ticket.Role{ticket.Requester, ticket.Copied, ticket.Approver, ticket.AgentRole} {
		title := roleTitles[role]
		for i := range t.Participants {
			if q := &t.Participants[i]; q.Role == role {
				f.add(title, h.participant(q))
				title = ""
			}
		}
	}
	f.add("Tracking code", ticket.ShowCode(t.Tracking))
	f.add("Language", t.Locale)
	f.add("Opened", moment(t.Opened, now))
	f.add("Changed", moment(t.Changed, now))
	f.add("Closed", moment(t.Closed, now))
	f.add("First answer", promised(t.Service.FirstAnswer, now))
	f.add("Solution", promised(t.Service.Solution, now))
	f.add("Due", moment(t.Due, now))
	f.add("Closes itself", moment(t.Service.Close, now))
	if !t.Previous.IsZero() {
		f.add("Follows up", cmp.Or(referenceOf(h.previous), "a ticket that is gone"))
	}
	f.add("ID", t.ID.String())
	return f.text()
}

// promised says how a promise stands; "" where there is none.
func promised(p ticket.Promise, now time.Time) string {
	over := p.Over()
	switch {
	case p.Within == 0:
		return ""
	case !over.IsZero() && p.Late(now):
		return "overdue since " + moment(over, now)
	case !over.IsZero():
		return "due " + moment(over, now)
	case p.Kept.IsZero():
		return "stands still"
	case p.Late(now):
		return "too late, " + moment(p.Kept, now)
	}
	return "in time, " + moment(p.Kept, now)
}

var roleTitles = map[ticket.Role]string{
	ticket.Requester: "Requester", ticket.AgentRole: "Agents", ticket.Copied: "Copied", ticket.Approver: "Approvers",
}

func (h history) participant(q *ticket.Participant) string {
	text := person(q.Mailbox)
	for _, other := range q.Other {
		text += ", also " + string(other)
	}
	if q.Number == h.ticket.Assignee {
		text += ", has taken it"
	}
	if q.Removed {
		text += ", removed"
	}
	return text
}

// kindWords are what an article is called before its text.
var kindWords = map[ticket.Kind]string{
	ticket.PublicArticle: "public", ticket.InternalArticle: "internal note", ticket.EventArticle: "event",
}

// eventWords say what happened; what the event is about follows.
var eventWords = map[ticket.Event]string{
	ticket.EventOpened: "opened", ticket.EventClosed: "closed", ticket.EventReopened: "opened again",
	ticket.EventTaken: "taken", ticket.EventFollowUp: "follows up", ticket.EventAutomatic: "an automatic mail was filed",
	ticket.EventDeliveryFailed: "a mail could not be delivered:", ticket.EventAsked: "nothing was done, and the writer was asked:",
	ticket.EventMuted: "automatic answers are muted for the day", ticket.EventLegalHold: "put under a legal hold:",
	ticket.EventLegalRelease: "the legal hold was lifted:", ticket.EventLeftTeam: "back to the team, which this one has left:",
	ticket.EventAnswerSoon: "the first answer is due before long:", ticket.EventAnswerLate: "the first answer is overdue:",
	ticket.EventSolutionSoon: "the solution is due before long:", ticket.EventSolutionLate: "the solution is overdue:",
	ticket.EventOverdue: "past the time by which the team wanted it done:", ticket.EventReminded: "the requester was reminded",
	ticket.EventLapsed: "closed, because the requester did not answer",
}

func (h history) article(p *program, b *strings.Builder, a ticket.Article) {
	title := fmt.Sprintf("#%d  %s  %s  %s", a.Number, clock(a.At, p.Now()), h.author(a), kindWords[a.Kind])
	if a.Kind == ticket.EventArticle {
		title += ": " + strings.TrimSpace(cmp.Or(eventWords[a.Event], string(a.Event))+" "+a.Detail)
	}
	paint := p.style.bold
	if a.Kind == ticket.InternalArticle {
		paint = p.style.wary
	}
	fmt.Fprintln(b, paint(printable(title)))
	if a.Reason != "" {
		proof := "proof: " + a.Proof.String() + ", " + a.Reason
		if a.Automatic != "" {
			proof += "; written by a machine (" + a.Automatic + ")"
		}
		fmt.Fprintln(b, indentation+printable(proof))
	}
	if a.Kind != ticket.EventArticle || a.Text != "" {
		b.WriteString("\n")
		p.indent(b, a.Text)
	}
	attached(b, a.Attachments)
}

func (h history) author(a ticket.Article) string {
	if p, ok := h.ticket.Participant(a.Author); ok {
		return p.Called()
	}
	return "Guichet"
}

// historyObject is a ticket as show gives it to programs.
type historyObject struct {
	ticketObject
	Locale       string              `json:"locale"`
	Tracking     string              `json:"tracking_code"`
	Previous     string              `json:"previous"`
	LegalHold    bool                `json:"legal_hold"`
	Participants []participantObject `json:"participants"`
	History      []articleObject     `json:"history"`
	Notices      []deliveryObject    `json:"notices"`
}

type participantObject struct {
	Number uint16      `json:"number"`
	Role   ticket.Role `json:"role"`
	personObject
	Other   []ticket.Address `json:"other"`
	Locale  string           `json:"locale"`
	Removed bool             `json:"removed"`
}

type articleObject struct {
	Number      int                `json:"number"`
	Kind        ticket.Kind        `json:"kind"`
	Author      *personObject      `json:"author"` // null is Guichet itself
	At          time.Time          `json:"at"`
	Text        string             `json:"text"`
	Event       ticket.Event       `json:"event"`
	Detail      string             `json:"detail"`
	Attachments []attachmentObject `json:"attachments"`
	MessageID   string             `json:"message_id"`
	Proof       string             `json:"proof"`
	Reason      string             `json:"reason"`
	Automatic   string             `json:"automatic"`
}

func (h history) object(now time.Time) historyObject {
	t := h.ticket
	o := historyObject{ticketObject: objectOf(t, now), Locale: t.Locale, Tracking: t.Tracking, Previous: referenceOf(h.previous), LegalHold: t.LegalHold,
		History: []articleObject{}, Notices: []deliveryObject{}}
	for _, p := range t.Participants {
		o.Participants = append(o.Participants, participantObject{Number: p.Number, Role: p.Role, personObject: personOf(p.Mailbox),
			Other: append([]ticket.Address{}, p.Other...), Locale: p.Locale, Removed: p.Removed})
	}
	for _, a := range h.articles {
		article := articleObject{Number: a.Number, Kind: a.Kind, At: a.At, Text: a.Text, Event: a.Event, Detail: a.Detail,
			Attachments: attachmentsOf(a.Attachments), MessageID: a.MessageID, Proof: a.Proof.String(), Reason: a.Reason, Automatic: a.Automatic}
		if p, ok := t.Participant(a.Author); ok {
			author := personOf(p.Mailbox)
			article.Author = &author
		}
		o.History = append(o.History, article)
	}
	for _, d := range h.notices {
		o.Notices = append(o.Notices, deliveryOf(d, t))
	}
	return o
}
