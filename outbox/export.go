package outbox

import (
	"encoding/json"
	"time"

	"guichet/ticket"
)

// Exported is a person's data as a file: what was written in their requests, and
// nothing that is the team's alone or another's.
type Exported struct {
	Organisation string            `json:"organisation"`
	Name         string            `json:"name"`
	Address      ticket.Address    `json:"address"`
	Made         time.Time         `json:"made"`
	Requests     []ExportedRequest `json:"requests"`
}

// ExportedRequest is a request that somebody made, or in which they take part: of
// another's there is only what they wrote themselves.
type ExportedRequest struct {
	Reference string          `json:"reference"`
	Another   bool            `json:"made_by_another,omitempty"`
	Tracking  string          `json:"tracking_code,omitempty"`
	Subject   string          `json:"subject,omitempty"`
	State     ticket.State    `json:"state"`
	Language  string          `json:"language"`
	Opened    time.Time       `json:"opened"`
	Closed    time.Time       `json:"closed,omitzero"`
	Name      string          `json:"name"`
	Address   ticket.Address  `json:"address"`
	Messages  []ExportedEntry `json:"messages"`
	// Mails are those to them that are still known, Notes what the team wrote for
	// itself; both only where they are asked for.
	Mails []ExportedMail  `json:"mails_to_you,omitempty"`
	Notes []ExportedEntry `json:"internal_notes,omitempty"`

	own *ticket.Participant
}

// ExportedEntry is one message.
type ExportedEntry struct {
	At    time.Time      `json:"at"`
	Own   bool           `json:"written_by_you"`
	By    string         `json:"by,omitempty"` // a name, never an address
	Text  string         `json:"text"`
	Files []ExportedFile `json:"files,omitempty"`
}

// ExportedFile is a file of a message. Path is where it lies beside the export.
type ExportedFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
	Path string `json:"path,omitempty"`
	// Blob is what it is read from; "" for a file that somebody else wrote and
	// that may name others.
	Blob ticket.BlobID `json:"-"`
}

// ExportedMail is a mail that was owed to them.
type ExportedMail struct {
	At        time.Time            `json:"at"`
	Kind      ticket.NoticeKind    `json:"kind"`
	State     ticket.DeliveryState `json:"state"`
	MessageID string               `json:"message_id"`
}

// NewExport begins the file of a person.
func NewExport(site *ticket.Site, who ticket.Mailbox, now time.Time) Exported {
	return Exported{Organisation: site.Organisation, Name: who.Name, Address: who.Address, Made: now.UTC(), Requests: []ExportedRequest{}}
}

// ExportRequest is what somebody may have of a request: the addresses of others
// and our tokens are taken out of what they wrote. It gives false when they do
// not take part in it.
func ExportRequest(site *ticket.Site, t *ticket.Ticket, articles []ticket.Article, who ticket.Address) (ExportedRequest, bool) {
	queue, ok := site.Queue(t.Queue)
	if !ok && len(site.Queues) > 0 {
		queue, ok = &site.Queues[0], true // theirs is gone from the settings
	}
	own, takesPart := t.Requester(), t.Requester().Is(who)
	if !takesPart {
		own, takesPart = t.Who(who)
	}
	if !ok || !takesPart || own.Role == ticket.AgentRole {
		return ExportedRequest{}, false
	}
	scrub := scrubForRequester(site, queue, []*ticket.Ticket{t}, own)
	return exportRequest(t, own, articles, scrub), true
}

// AddMails adds the mails that were owed to the person.
func (r *ExportedRequest) AddMails(notices []ticket.Delivery) {
	for _, d := range notices {
		n := d.Notice
		if n.To == r.own.Number && n.To != 0 || n.To == 0 && n.Mailbox.Address.Same(r.own.Address) {
			r.Mails = append(r.Mails, ExportedMail{At: n.Created.UTC(), Kind: n.Kind, State: d.State, MessageID: n.MessageID})
		}
	}
}

// AddNotes adds what the team wrote for itself, as it is.
func (r *ExportedRequest) AddNotes(t *ticket.Ticket, articles []ticket.Article) {
	for _, a := range articles {
		author, ok := t.Participant(a.Author)
		if a.Kind != ticket.InternalArticle || !ok || author.Role != ticket.AgentRole {
			continue // what somebody else wrote to the team alone is theirs
		}
		r.Notes = append(r.Notes, ExportedEntry{At: a.At.UTC(), By: author.Called(), Text: a.Text,
			Files: exportFiles(a, true, scrubForAgent(&ticket.Queue{}))})
	}
}

// export makes the file of an Export. Only tickets that the recipient is the
// requester of are in it.
func (c *composer) export(p *ticket.Participant, scrub *scrubber) (file, error) {
	out := NewExport(c.site, p.Mailbox, c.now)
	for _, t := range c.Tickets {
		if own := t.Requester(); own.Is(p.Address) {
			out.Requests = append(out.Requests, exportRequest(t, own, c.Entries[t.ID], scrub))
		}
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return file{}, err
	}
	return generated("export.json", "application/json", "", b), nil
}

func exportRequest(t *ticket.Ticket, own *ticket.Participant, articles []ticket.Article, scrub *scrubber) ExportedRequest {
	r := ExportedRequest{
		Reference: t.Reference.String(), Another: own.Role != ticket.Requester, State: t.State, Language: t.Locale,
		Opened: t.Opened.UTC(), Name: own.Name, Address: own.Address, Messages: []ExportedEntry{}, own: own,
	}
	if !r.Another {
		r.Tracking, r.Subject = ticket.ShowCode(t.Tracking), scrub.line(t.Subject)
	}
	if !t.Closed.IsZero() {
		r.Closed = t.Closed.UTC()
	}
	for _, public := range ticket.PublicOnly(articles) {
		a := public.Article()
		if !r.Another || a.Author == own.Number {
			r.Messages = append(r.Messages, exportEntry(t, own, a, scrub))
		}
	}
	return r
}

func exportEntry(t *ticket.Ticket, own *ticket.Participant, a ticket.Article, scrub *scrubber) ExportedEntry {
	e := ExportedEntry{At: a.At.UTC(), Own: a.Author == own.Number, Text: scrub.text(a.Text)}
	if author, ok := t.Participant(a.Author); ok && !e.Own {
		e.By = scrub.line(author.Name)
	}
	e.Files = exportFiles(a, e.Own, scrub)
	return e
}

// exportFiles names files. Those of others that may name people are not given.
func exportFiles(a ticket.Article, own bool, scrub *scrubber) (files []ExportedFile) {
	for _, f := range a.Attachments {
		e := ExportedFile{Name: scrub.fileName(f.Name), Type: mediaType(f.Type), Size: f.Size}
		if own || treat(f) == passOn {
			e.Blob = f.Blob
		}
		files = append(files, e)
	}
	return files
}
