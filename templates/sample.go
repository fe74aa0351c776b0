package templates

import (
	"time"

	"guichet/ticket"
)

// sample is a mail that might be written; every source is tried with some.
type sample interface {
	write(*catalogue) (Mail, error)
}

var sampleTime = time.Date(2026, time.March, 12, 14, 5, 0, 0, time.UTC)

// samples are inputs of a kind that lead through every branch of its source.
func samples(kind ticket.NoticeKind, locale string) []sample {
	site, t := sampleSite(locale), sampleTicket(locale)
	queue := &site.Queues[0]
	request := Request{t.Reference, t.Tracking, t.Subject, t.State, sampleTime}
	article := ticket.Article{Number: 1, Kind: ticket.PublicArticle, Author: 1, At: sampleTime, Text: "Bonjour,\n\n> ?\n\nhttps://example.com/", Proof: ticket.ProofToken,
		Attachments: []ticket.Attachment{{Name: "a.png", Type: "image/png", Size: 123456, ContentID: "a@example.com", Inline: true}}}
	public, _ := article.Public()
	held := ticket.Held{Why: ticket.HeldStranger, From: t.Participants[0].Mailbox, Subject: "…", Text: "…", Attachments: article.Attachments}
	switch {
	case kind == ticket.ReportMail:
		return reportSamples(site, t, locale)
	case kind == ticket.Postmaster:
		return []sample{ToAdmin{locale, site, held}}
	case !kind.ForAgents():
		full := ToRequester{Kind: kind, Locale: locale, Site: site, Queue: queue, Name: "Marie", ReplyTo: "help@acme.example", Request: request, Own: true,
			Author: "Anna", Article: &public, History: []Entry{{Public: public}}, Withheld: []string{"a.msg"}, Account: "https://my.acme.example/requests", Code: "34679CDF",
			About: &ticket.About{Action: ticket.EraseOwn, Address: "marie@customer.example", Problem: ticket.ProblemWrongCode, Until: sampleTime, Left: 2}, Requests: []Request{request}}
		bare := ToRequester{Kind: kind, Locale: locale, Site: &ticket.Site{}, Queue: queue, About: &ticket.About{Undone: true}}
		chat := full
		chat.Chat = true
		return []sample{full, bare, chat}
	}
	event := article
	event.Kind, event.Event = ticket.EventArticle, ticket.EventDeliveryFailed
	body := &ticket.TranscriptBody{Problem: ticket.ProblemUnknown, Line: "#clsoe", Nearest: "#close", Written: "…"}
	done := &ticket.TranscriptBody{Done: []ticket.TranscriptLine{{Line: "#close", Result: ticket.ResultClosed}}, Help: true}
	full := ToAgent{Kind: kind, Locale: locale, Site: site, Queue: queue, Ticket: t, To: 2, ReplyTo: "help@acme.example", NoteTo: "help@acme.example",
		Article: &article, History: []ticket.Article{article, event}, Held: &held, Waiting: []*ticket.Held{&held}, Further: 2, Aside: 3, Transcript: body,
		Undelivered: &ticket.Undelivered{To: "marie@customer.example", Reason: "…", TooLarge: true, Size: 34567890, Limit: 26214400}}
	full.Commands = []CommandHelp{{Name: "accept", Usage: "#accept"}, {Name: "reject", Usage: "#reject"}, {Name: "spam", Usage: "#spam"}}
	full.List, full.Tickets, full.Now, full.Recipient = &ticket.ListBody{Worklist: ticket.Worklist{View: ticket.ViewOpen, Page: 1}, Tickets: []ticket.ID{t.ID}, Total: 70}, []*ticket.Ticket{t}, sampleTime, "anna@acme.example"
	some := ticket.MorningList{Tickets: full.Tickets, Total: 2}
	full.Morning = &ticket.Morning{New: some, Due: some, Long: some, Mine: some, Failed: some}
	other := full
	other.Article, other.Transcript, other.To, other.FilesKept = &event, done, 3, true
	other.Undelivered = &ticket.Undelivered{To: "marie@customer.example", Reason: "…"}
	chat, chatOther := full, other
	chat.Chat, chatOther.Chat = true, true
	return []sample{full, other, chat, chatOther, ToAgent{Kind: kind, Locale: locale, Site: site, Queue: queue}}
}

func reportSamples(site *ticket.Site, t *ticket.Ticket, locale string) []sample {
	moved := *t
	moved.Opened, moved.Queue, moved.ID, moved.Tags = sampleTime, "billing", ticket.ID{1}, []string{"coffee"}
	moved.Course = ticket.Course{Answered: sampleTime, AnsweredBy: 2, Finished: []time.Time{sampleTime}}
	var all []sample
	for _, p := range ticket.Periods {
		body := ticket.ReportUntil(p, sampleTime.Add(time.Hour))
		for _, tickets := range [][]*ticket.Ticket{nil, {t, &moved}} {
			tally := ticket.NewTally(body, sampleTime.Add(time.Hour))
			for _, each := range tickets {
				tally.Add(each)
			}
			all = append(all, ToReader{Locale: locale, Site: site, Report: tally.Report(true), Flow: Chart{Colours: []string{"#000", "#000"}}, Ages: Chart{Colours: []string{"#000"}}})
		}
	}
	return all
}

func sampleSite(locale string) *ticket.Site {
	return &ticket.Site{Name: "acme", Prefix: "ACM", Organisation: "Acme SARL", Phone: "+33 1 23 45 67 89", Locales: []string{locale}, Footer: "Acme SARL",
		Queues: []ticket.Queue{{Name: "help", Title: "Acme support", Address: "help@acme.example", Agents: []ticket.Address{"anna@acme.example"}}}}
}

func sampleTicket(locale string) *ticket.Ticket {
	return &ticket.Ticket{Site: "acme", Queue: "help", Reference: ticket.Reference{Prefix: "ACM", Number: 1042}, Subject: "…", State: ticket.Open,
		Locale: locale, Tracking: "34679ACEFHKM", Assignee: 2,
		Service: ticket.Service{Solution: ticket.Promise{Within: time.Hour, Since: sampleTime, Due: sampleTime}}, Participants: []ticket.Participant{
			{Number: 1, Role: ticket.Requester, Mailbox: ticket.Mailbox{Name: "Marie Martin", Address: "marie@customer.example"}},
			{Number: 2, Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Name: "Anna", Address: "anna@acme.example"}}}}
}
