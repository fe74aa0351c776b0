package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"time"

	"guichet/ticket"
)

// exported is a person's data as a file: what was written in their requests,
// and nothing that is the team's alone or another's.
type exported struct {
	Organisation string            `json:"organisation"`
	Name         string            `json:"name"`
	Address      ticket.Address    `json:"address"`
	Made         time.Time         `json:"made"`
	Requests     []exportedRequest `json:"requests"`
}

type exportedRequest struct {
	Reference string          `json:"reference"`
	Tracking  string          `json:"tracking_code,omitempty"`
	Subject   string          `json:"subject"`
	State     ticket.State    `json:"state"`
	Language  string          `json:"language"`
	Opened    time.Time       `json:"opened"`
	Closed    time.Time       `json:"closed,omitzero"`
	Name      string          `json:"name"`
	Address   ticket.Address  `json:"address"`
	Messages  []exportedEntry `json:"messages"`
}

type exportedEntry struct {
	At    time.Time      `json:"at"`
	Own   bool           `json:"written_by_you"`
	By    string         `json:"by,omitempty"` // a name, never an address
	Text  string         `json:"text"`
	Files []exportedFile `json:"files,omitempty"`
}

type exportedFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

// export makes the file of an Export. Only tickets that the recipient is the
// requester of are in it.
func (c *composer) export(p *ticket.Participant, scrub *scrubber) (file, error) {
	out := exported{Organisation: c.site.Organisation, Name: p.Name, Address: p.Address, Made: c.now.UTC(), Requests: []exportedRequest{}}
	for _, t := range c.Tickets {
		own := t.Requester()
		if !own.Is(p.Address) {
			continue
		}
		r := exportedRequest{
			Reference: t.Reference.String(), Tracking: ticket.ShowCode(t.Tracking), Subject: scrub.line(t.Subject), State: t.State, Language: t.Locale,
			Opened: t.Opened.UTC(), Name: own.Name, Address: own.Address, Messages: []exportedEntry{},
		}
		if !t.Closed.IsZero() {
			r.Closed = t.Closed.UTC()
		}
		for _, public := range ticket.PublicOnly(c.Entries[t.ID]) {
			r.Messages = append(r.Messages, exportEntry(t, own, public.Article(), scrub))
		}
		out.Requests = append(out.Requests, r)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return file{}, err
	}
	return file{name: "export.json", mediaType: "application/json", encoding: "base64", open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}, nil
}

func exportEntry(t *ticket.Ticket, own *ticket.Participant, a ticket.Article, scrub *scrubber) exportedEntry {
	e := exportedEntry{At: a.At.UTC(), Own: a.Author == own.Number, Text: scrub.text(a.Text)}
	if author, ok := t.Participant(a.Author); ok && !e.Own {
		e.By = scrub.line(author.Name)
	}
	for _, f := range a.Attachments {
		e.Files = append(e.Files, exportedFile{scrub.fileName(f.Name), mediaType(f.Type), f.Size})
	}
	return e
}
