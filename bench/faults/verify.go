//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"guichet/store"
	"guichet/ticket"
)

// examine reads the whole store while no daemon runs, and opens everything in it.
func (s *stage) examine(ctx context.Context) (*found, error) {
	f := &found{articles: map[string][]article{}, notices: map[string]notice{}}
	sent := map[string]*mail{}
	for _, fate := range s.load.fates {
		sent[fate.messageID()] = fate.mail
	}
	if err := s.recount(ctx, f); err != nil {
		return nil, err
	}
	st, err := s.open(false, 0)
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := f.aside(ctx, st, sent); err != nil {
		return nil, err
	}
	numbers := map[ticket.Reference]string{}
	for after := store.Cursor(""); ; {
		page, err := st.Tickets(ctx, siteName, store.Filter{}, after, 100)
		if err != nil {
			return nil, err
		}
		for _, t := range page.Items {
			if other := numbers[t.Reference]; other != "" {
				f.half = append(f.half, fmt.Sprintf("%s is %s and %s", t.Reference, other, t.ID))
			}
			numbers[t.Reference] = t.ID.String()
			if err := f.ticket(ctx, st, t, sent); err != nil {
				return nil, fmt.Errorf("%s: %w", t.Reference, err)
			}
		}
		if after = page.Next; after == "" {
			return f, nil
		}
	}
}

// aside reads the mail that was held: it was taken too.
func (f *found) aside(ctx context.Context, st *store.Store, sent map[string]*mail) error {
	for after := store.Cursor(""); ; {
		page, err := st.HeldMail(ctx, siteName, after, 100)
		if err != nil {
			return err
		}
		for _, h := range page.Items {
			k := kept{h.Raw, h.Attachments, h.Text, func(id ticket.BlobID) (io.ReadCloser, error) { return st.OpenHeldBlob(ctx, h, id) }}
			whole, err := k.whole(sent[h.MessageID])
			if err != nil {
				return err
			}
			f.articles[h.MessageID] = append(f.articles[h.MessageID], article{heldAside, whole})
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

// ticket reads one, and holds that nothing is missing that was written with it.
func (f *found) ticket(ctx context.Context, st *store.Store, t *ticket.Ticket, sent map[string]*mail) error {
	name := t.Reference.String()
	articles, err := st.Articles(ctx, siteName, t.ID, 0, t.Articles+1)
	if err != nil {
		return err
	}
	lacks := func(format string, args ...any) { f.half = append(f.half, name+": "+fmt.Sprintf(format, args...)) }
	if len(articles) != t.Articles || len(articles) == 0 {
		lacks("%d articles instead of %d", len(articles), t.Articles)
	}
	if t.Requester() == nil || t.Tracking == "" {
		lacks("no requester or no tracking code")
	}
	notices, err := st.Notices(ctx, siteName, t.ID)
	if err != nil {
		return err
	}
	told := map[int]map[ticket.NoticeKind]bool{}
	for _, d := range notices {
		to := d.Notice.Mailbox.Address
		if p, ok := t.Participant(d.Notice.To); ok {
			to = p.Address
		}
		f.notices[d.Notice.MessageID] = notice{d.State, string(to)}
		if told[d.Notice.Article] == nil {
			told[d.Notice.Article] = map[ticket.NoticeKind]bool{}
		}
		told[d.Notice.Article][d.Notice.Kind] = true
	}
	for i, a := range articles {
		if a.Number != i+1 {
			lacks("article %d stands in the place of %d", a.Number, i+1)
		}
		if a.Kind == ticket.EventArticle {
			continue
		}
		acknowledged := t.Unproved || told[1][ticket.Acknowledgement]
		if i == 0 && !(acknowledged && told[1][ticket.AgentNew]) || i > 0 && !told[a.Number][ticket.AgentReply] {
			lacks("article %d has only notices %v", a.Number, told[a.Number])
		}
		k := kept{a.Raw, a.Attachments, a.Text, func(id ticket.BlobID) (io.ReadCloser, error) { return st.OpenBlob(ctx, siteName, t.ID, id) }}
		whole, err := k.whole(sent[a.MessageID])
		if err != nil {
			return err
		}
		f.articles[a.MessageID] = append(f.articles[a.MessageID], article{name, whole})
	}
	return nil
}

// kept is a mail as the store has it, in a ticket or held.
type kept struct {
	raw         ticket.BlobID
	attachments []ticket.Attachment
	text        string
	open        func(ticket.BlobID) (io.ReadCloser, error)
}

// whole compares it with the mail that was sent, byte by byte. What the door puts
// before a mail is not the sender's.
func (k kept) whole(m *mail) (bool, error) {
	if m == nil {
		return true, nil // strange, and told so
	}
	raw, err := k.content(k.raw)
	if err != nil {
		return false, err
	}
	head, whole := bytes.CutSuffix(raw, m.raw())
	whole = whole && bytes.HasPrefix(head, []byte("Return-Path: ")) && bytes.HasSuffix(head, []byte("\r\n"))
	whole = whole && strings.Contains(k.text, m.marker())
	file := m.file()
	if file == nil || len(k.attachments) != 1 {
		return whole && file == nil && len(k.attachments) == 0, nil
	}
	attached, err := k.content(k.attachments[0].Blob)
	return whole && bytes.Equal(attached, file), err
}

// content reads a blob. One that is gone or broken is no content, not an error.
func (k kept) content(id ticket.BlobID) ([]byte, error) {
	r, err := k.open(id)
	if errors.Is(err, store.ErrBlobGone) || errors.Is(err, store.ErrSealed) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, nil // what does not open in full is not whole
	}
	return text, nil
}

// recount has the program hold every index and counter to the records.
func (s *stage) recount(ctx context.Context, f *found) error {
	out, err := exec.CommandContext(ctx, s.program, "reindex", "--check", "--json", "-c", s.daemon.settings).Output()
	for line := range strings.Lines(string(out)) {
		var d store.Difference
		if json.Unmarshal([]byte(line), &d) == nil && d.What != "" {
			f.differences = append(f.differences, fmt.Sprintf("reindex: %s %s: %s", d.Site, d.Record, d.What))
		}
	}
	var code *exec.ExitError
	if err != nil && (!errors.As(err, &code) || len(f.differences) == 0) {
		if code != nil {
			out = code.Stderr
		}
		return fmt.Errorf("reindex --check: %w: %s", err, out)
	}
	return nil
}
