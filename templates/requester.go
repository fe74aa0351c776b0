package templates

import (
	"fmt"
	"strings"

	"guichet/ticket"
)

// ToRequester is what a mail to a requester, or to somebody copied, is made
// from. It has no room for an internal article.
type ToRequester struct {
	Kind   ticket.NoticeKind
	Locale string
	Site   *ticket.Site
	Queue  *ticket.Queue
	// Name is what the recipient calls themselves, or "".
	Name string
	// ReplyTo is the address with their own token.
	ReplyTo ticket.Address
	Request Request
	// Own is set where the recipient closed or reopened the request themselves.
	Own bool
	// Author is who wrote the article, by name alone.
	Author  string
	Article *ticket.Public
	History []ticket.Public
	// Withheld names files of the article that are not passed on.
	Withheld []string
}

// Request is what a requester may know of the ticket.
type Request struct {
	Reference ticket.Reference
	Tracking  string
	Subject   string
}

// requesterView is what the source of a mail to a requester may name.
type requesterView struct {
	Name, Author                       string
	Team, Organisation, Phone          string
	Reference, Code, Subject, Withheld string
	Quoted, Own                        bool
}

// ToRequester writes a mail to a requester.
func (s *Set) ToRequester(in ToRequester) (Mail, error) {
	if in.Kind.ForAgents() || in.Kind == ticket.Postmaster {
		return Mail{}, fmt.Errorf("templates: %s is no mail to a requester", in.Kind)
	}
	return in.write(s.catalogue(in.Site, in.Locale))
}

func (in ToRequester) write(c *catalogue) (Mail, error) {
	view := requesterView{
		Author: greeting(in.Author), Team: team(in.Queue), Organisation: Line(in.Site.Organisation, 100),
		Phone: Line(in.Site.Phone, 40), Reference: in.Request.Reference.String(), Subject: in.Request.Subject,
		Withheld: Line(strings.Join(in.Withheld, ", "), 500), Own: in.Own,
	}
	if in.Article != nil && signs(in.Article.Article().Text, view.Author) {
		view.Author = ""
	}
	// The name of the company is said once.
	if view.Organisation == view.Team || strings.Contains(in.Site.Footer, view.Organisation) {
		view.Organisation = ""
	}
	subject := Subject(in.Request.Reference, in.Request.Subject)
	bring := map[string]block{":article": {}, ":quote": {}, ":history": {}}
	for _, command := range []string{"#close", "#reopen"} {
		bring["["+command+"]"] = commandButton(in.ReplyTo, subject, command)
	}
	// What a receipt says is the same for everybody, whatever was received.
	if in.Kind != ticket.Receipt {
		view.Name = greeting(in.Name)
		view.Code = ticket.ShowCode(in.Request.Tracking)
		in.bring(c, bring)
		view.Quoted = len(bring[":quote"].Text) > 0
	}
	return c.finish(in.Kind, view, bring, subject, in.Site.Footer)
}

// bring adds the blocks that show articles.
func (in ToRequester) bring(c *catalogue, bring map[string]block) {
	if in.Article != nil {
		a := in.Article.Article()
		bring[":article"] = block{Kind: articleBlock, Text: passages(a.Text), Images: images(a.Attachments)}
		bring[":quote"] = block{Kind: quoteBlock, Text: passages(shorten(a.Text, 8, 600))}
	}
	history := block{Kind: historyBlock}
	for _, p := range in.History {
		a := p.Article()
		history.Rows = append(history.Rows, row{Head: c.when(a.At, in.Site.Zone), Text: passages(compact(shorten(a.Text, 4, 300)))})
	}
	bring[":history"] = history
}

// signs reports whether a text ends with its author's name, which then need not
// stand below it again.
func signs(text, author string) bool {
	lines := strings.FieldsFunc(strings.ToLower(Body(text)), func(r rune) bool { return r == '\n' })
	author = strings.ToLower(author)
	first, _, _ := strings.Cut(author, " ")
	for _, l := range lines[max(0, len(lines)-3):] {
		l = strings.Trim(l, " ,.")
		if author != "" && (l == first || strings.Contains(l, author)) {
			return true
		}
	}
	return false
}

func team(q *ticket.Queue) string {
	if t := Line(q.Title, 100); t != "" {
		return t
	}
	return q.Address.Local()
}
