package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"guichet/store"
	"guichet/ticket"
)

const site = "acme"

// lives makes tickets with their whole life.
type lives struct {
	store *store.Store
	mint  ticket.Mint
	now   func() time.Time
}

func newLives(s *store.Store) *lives {
	return &lives{
		store: s, now: time.Now,
		mint: ticket.Mint{Signer: s.Signer(), Pepper: s.Pepper(), Random: rand.Reader, Hostname: "mx.acme.example"},
	}
}

// life is one ticket: the two mails of it, and what it became.
type life struct {
	ticket   *ticket.Ticket
	articles []ticket.Article
	blobs    []ticket.Blob
	notices  []ticket.Notice
}

// past makes some tickets of up to two years ago, in one commit: those of the nth of
// so many spans of that time, for numbers follow one another as time does.
func (l *lives) past(ctx context.Context, nth, of, n int, raw bool) error {
	c := &ticket.Change{Site: site, At: l.now()}
	oldest := 721 * 24 * time.Hour
	span := (oldest - 31*24*time.Hour) / time.Duration(of)
	for range n {
		age := oldest - time.Duration(nth)*span - time.Duration(mathrand.Int64N(int64(span)))
		one := l.whole(l.now().Add(-age))
		one.ticket.SetState(ticket.Closed, one.ticket.Opened.Add(48*time.Hour))
		if !raw {
			one.blobs = nil
			for i := range one.articles {
				one.articles[i].Raw = ""
			}
		}
		one.addTo(c, false)
	}
	_, err := l.store.Commit(ctx, c)
	return err
}

// present makes a ticket of that age, with the mails that it owes and what is
// remembered of those that came.
func (l *lives) present(ctx context.Context, age time.Duration) error {
	now := l.now()
	one := l.whole(now.Add(-age))
	c := &ticket.Change{Site: site, At: now, Operation: rand.Text()}
	one.addTo(c, true)
	_, err := l.store.Commit(ctx, c)
	return err
}

func (o *life) addTo(c *ticket.Change, present bool) {
	tc := ticket.TicketChange{Ticket: o.ticket, Articles: o.articles}
	for _, a := range o.articles {
		if a.MessageID == "" {
			continue
		}
		tc.MessageIDs = append(tc.MessageIDs, a.MessageID)
		if present {
			c.Seen = append(c.Seen, a.MessageID+" help")
		}
	}
	if present {
		tc.Notices = o.notices
	}
	c.Tickets, c.Blobs = append(c.Tickets, tc), append(c.Blobs, o.blobs...)
}

// whole makes a ticket that was opened and answered: three articles, and five
// mails that left for them.
func (l *lives) whole(opened time.Time) *life {
	name := word() + "." + word()
	t := &ticket.Ticket{
		ID: ticket.NewIDAt(rand.Reader, opened), Site: site, Queue: "help", Subject: sentence(6), State: ticket.New, Locale: "en",
		Tracking: ticket.DefaultTracking.Draw(rand.Reader), Articles: 3, Opened: opened, Changed: opened.Add(2 * time.Hour),
	}
	o := &life{ticket: t}
	t.Join(ticket.Participant{Role: ticket.Requester, Locale: "en", Mailbox: ticket.Mailbox{
		Name: name, Address: ticket.MustAddress(fmt.Sprintf("%s.%s@customer.example", name, strings.ToLower(rand.Text()[:6])))}})
	for _, agent := range []string{"anna", "ben"} {
		t.Join(ticket.Participant{Role: ticket.AgentRole, Locale: "en", Mailbox: ticket.Mailbox{Address: ticket.MustAddress(agent + "@acme.example")}})
	}
	customer, anna, ben := &t.Participants[0], &t.Participants[1], &t.Participants[2]
	o.mail(customer, opened, 60, 1)
	o.notices = append(o.notices, l.mint.Notice(ticket.Acknowledgement, t, customer, 1, opened),
		l.mint.Notice(ticket.AgentNew, t, anna, 1, opened), l.mint.Notice(ticket.AgentNew, t, ben, 1, opened))
	answered := opened.Add(2 * time.Hour)
	o.mail(anna, answered, 90, 2)
	o.notices = append(o.notices, l.mint.Notice(ticket.Answer, t, customer, 2, answered), l.mint.Notice(ticket.AgentAnswer, t, ben, 2, answered))
	o.articles = append(o.articles, ticket.Article{Number: 3, Kind: ticket.EventArticle, Author: anna.Number, At: answered, Event: ticket.EventTaken})
	t.Assignee = anna.Number
	t.SetState(ticket.Waiting, answered)
	return o
}

// mail adds an article of some words that came by mail.
func (o *life) mail(from *ticket.Participant, at time.Time, words, number int) {
	id := rand.Text() + "@mail.example"
	text := sentence(words)
	raw := rawMail(from.Address, o.ticket.Subject, id, text, at)
	b := ticket.BlobID(rand.Text())
	from.Thread.Add(id)
	o.blobs = append(o.blobs, ticket.Blob{ID: b, Size: int64(len(raw)), Open: func() io.Reader { return bytes.NewReader(raw) }})
	o.articles = append(o.articles, ticket.Article{
		Number: number, Kind: ticket.PublicArticle, Author: from.Number, At: at, Text: text, MessageID: id, Proof: ticket.ProofDomain,
		Reason: "aligned signature of " + from.Address.Domain(), Raw: b,
		Way: &ticket.Way{ID: rand.Text()[:16], TLS: true, Did: "request", Why: "nothing names a ticket"},
	})
}

// rawMail is a mail as it comes over the net: two hops, a signature, text and
// the same as HTML.
func rawMail(from ticket.Address, subject, id, text string, at time.Time) []byte {
	var b bytes.Buffer
	signature := make([]byte, 256)
	_, _ = rand.Read(signature)
	stamp := at.Format(time.RFC1123Z)
	for _, hop := range []string{"mx.acme.example", "out.mail.example"} {
		fmt.Fprintf(&b, "Received: from relay.mail.example (relay.mail.example [192.0.2.7])\r\n\tby %s with ESMTPS id %s\r\n\tfor <help@acme.example>; %s\r\n", hop, rand.Text()[:16], stamp)
	}
	fmt.Fprintf(&b, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=%s; s=one;\r\n\tb=%s\r\n", from.Domain(), base64.StdEncoding.EncodeToString(signature))
	fmt.Fprintf(&b, "From: <%s>\r\nTo: help@acme.example\r\nSubject: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\nMIME-Version: 1.0\r\n", from, subject, id, stamp)
	fmt.Fprintf(&b, "Content-Type: multipart/alternative; boundary=part\r\n\r\n--part\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", text)
	fmt.Fprintf(&b, "--part\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body><p style=\"font-family: sans-serif\">%s</p></body></html>\r\n--part--\r\n", text)
	return b.Bytes()
}

// deliver settles every mail that is owed as delivered.
func (g *growth) deliver(ctx context.Context) error {
	for {
		leased, err := g.store.Lease(ctx, 500, time.Hour)
		if err != nil || len(leased) == 0 {
			return err
		}
		err = g.spread(ctx, len(leased), func(ctx context.Context, _ *lives, i int) error {
			return g.store.Settle(ctx, leased[i], ticket.Outcome{State: ticket.Delivered, Try: &ticket.Try{
				At: time.Now(), Took: 80 * time.Millisecond, Host: "mx.mail.example", Code: 250, Answer: "2.0.0 Ok: queued as 4XyZabcdef"}})
		})
		if err != nil {
			return err
		}
	}
}

// sentence is some words of a made-up language that packs about as well as
// English.
func sentence(words int) string {
	var b strings.Builder
	for i := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word())
	}
	return b.String()
}

var vocabulary = func() []string {
	random := mathrand.New(mathrand.NewPCG(1, 2))
	var words []string
	for range 4000 {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteByte("bcdfglmnprstv"[random.IntN(13)])
			b.WriteByte("aeiou"[random.IntN(5)])
		}
		words = append(words, b.String())
	}
	return words
}()

// word draws a word; a few of them are most of what is said.
func word() string {
	f := mathrand.Float64()
	return vocabulary[int(f*f*f*float64(len(vocabulary)))]
}
