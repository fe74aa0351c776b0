package templates

import (
	"strings"
	"time"

	"guichet/ticket"
)

// story is a matter as it might go, told in one language: what the golden files
// and previews show.
type story struct {
	locale                                   string
	subject, request, reply, answer, note    string
	requester, anna, ben, team, file, heldBy string
	held, unsent                             string
}

var stories = []story{
	{
		locale: "en", subject: "The coffee machine on the 2nd floor leaks", team: "Acme support", file: "leak under the machine.jpg",
		requester: "Marie Martin", anna: "Anna Berg", ben: "Ben Roux", heldBy: "Jo <b>Doe</b>",
		request: "Hello,\n\nsince this morning the coffee machine on the second floor leaks, serial number KX-2210.\nThere is water below the cupboard already. I have put a bucket there and unplugged it.\n\nThe manual says (https://manuals.example.com/kx2210?page=12) that the valve has to be closed,\nbut I cannot find it.\n\nRegards\nMarie Martin",
		reply:   "Thank you, that was quick. Tomorrow at 9 suits me.\n\n> Can we come tomorrow morning?\n\nYes. Please ring at the side door.",
		answer:  "Hello Ms Martin,\n\nthank you for unplugging it. The valve is behind the grey cover on the left; please turn it a quarter to the right.\n\nA technician comes tomorrow between 9 and 10:\n\n  1. he changes the seal,\n  2. he checks the other machine, on the 3rd floor.\n\nIs that possible for you?",
		note:    "Third time this year with this model. If the seal is gone again we should swap it under the contract.",
		held:    "Please also send the invoice to this address.\n\nJo", unsent: "Hello Ms Martin,\n\nthe technician is on his way.\n\n#clsoe",
	},
	{
		locale: "fr", subject: "La machine à café du 2ᵉ étage fuit", team: "Assistance Acme", file: "fuite sous la machine.jpg",
		requester: "Marie Martin", anna: "Anna Berg", ben: "Ben Roux", heldBy: "Jo <b>Doe</b>",
		request: "Bonjour,\n\ndepuis ce matin, la machine à café du deuxième étage fuit, numéro de série KX-2210.\nIl y a déjà de l’eau sous le placard. J’ai mis un seau et je l’ai débranchée.\n\nLe manuel dit (https://manuals.example.com/kx2210?page=12) de fermer la vanne,\nmais je ne la trouve pas.\n\nBien à vous\nMarie Martin",
		reply:   "Merci, vous avez fait vite. Demain 9 h me convient.\n\n> Pouvons-nous venir demain matin ?\n\nOui. Sonnez à la porte de côté, s’il vous plaît.",
		answer:  "Bonjour Madame Martin,\n\nmerci de l’avoir débranchée. La vanne est derrière le cache gris, à gauche ; tournez-la d’un quart de tour vers la droite.\n\nUn technicien passe demain entre 9 h et 10 h :\n\n  1. il change le joint,\n  2. il contrôle l’autre machine, au 3ᵉ étage.\n\nCela vous convient-il ?",
		note:    "Troisième fois cette année avec ce modèle. Si le joint a encore lâché, il faudrait l’échanger au titre du contrat.",
		held:    "Merci d’envoyer aussi la facture à cette adresse.\n\nJo", unsent: "Bonjour Madame Martin,\n\nle technicien est en route.\n\n#clsoe",
	},
}

func (s story) site() *ticket.Site {
	paris := time.FixedZone("CET", 3600)
	return &ticket.Site{Name: "acme", Prefix: "ACM", Organisation: "Acme SARL", Phone: "+33 1 23 45 67 89", Locales: []string{s.locale}, Zone: paris,
		Footer: "Acme SARL, 1 rue des Lilas, 69003 Lyon",
		Queues: []ticket.Queue{{Name: "help", Title: s.team, Address: "help@acme.example", Agents: []ticket.Address{"anna@acme.example", "ben@acme.example"}}}}
}

func (s story) ticket() *ticket.Ticket {
	return &ticket.Ticket{Site: "acme", Queue: "help", Reference: ticket.Reference{Prefix: "ACM", Number: 1042}, Subject: s.subject, State: ticket.Open,
		Locale: s.locale, Tracking: "34679ACEFHKM", Assignee: 2, Participants: []ticket.Participant{
			{Number: 1, Role: ticket.Requester, Mailbox: ticket.Mailbox{Name: s.requester, Address: "marie@customer.example"}},
			{Number: 2, Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Name: s.anna, Address: "anna@acme.example"}},
			{Number: 3, Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Name: s.ben, Address: "ben@acme.example"}},
		}}
}

func (s story) articles() []ticket.Article {
	at := time.Date(2026, time.March, 12, 8, 5, 0, 0, time.UTC)
	picture := ticket.Attachment{Name: s.file, Type: "image/jpeg", Size: 2345678}
	return []ticket.Article{
		{Number: 1, Kind: ticket.PublicArticle, Author: 1, At: at, Text: s.request, Proof: ticket.ProofDomain, Attachments: []ticket.Attachment{picture}},
		{Number: 2, Kind: ticket.EventArticle, Author: 2, At: at.Add(5 * time.Minute), Event: ticket.EventTaken},
		{Number: 3, Kind: ticket.PublicArticle, Author: 2, At: at.Add(9 * time.Minute), Text: s.answer},
		{Number: 4, Kind: ticket.InternalArticle, Author: 3, At: at.Add(11 * time.Minute), Text: s.note},
		{Number: 5, Kind: ticket.PublicArticle, Author: 1, At: at.Add(26 * time.Minute), Text: s.reply, Proof: ticket.ProofToken},
		{Number: 6, Kind: ticket.EventArticle, Author: 2, At: at.Add(27 * time.Hour), Event: ticket.EventClosed},
		{Number: 7, Kind: ticket.EventArticle, At: at.Add(28 * time.Hour), Event: ticket.EventDeliveryFailed, Detail: "550 5.1.1 no such user here", Text: "marie@customer.example"},
	}
}

var storyCommands = []CommandHelp{
	{"note", "#note", map[string]string{"en": "The whole mail is an internal note. The requester never sees it.", "fr": "Tout le message est une note interne. Le demandeur ne la voit jamais."}},
	{"close", "#close", map[string]string{"en": "Closes the ticket, after the answer below it if there is one.", "fr": "Ferme la demande, après la réponse écrite en dessous s’il y en a une."}},
	{"take", "#take", map[string]string{"en": "Assigns the ticket to you.", "fr": "Vous attribue la demande."}},
	{"help", "#help", map[string]string{"en": "Sends this list.", "fr": "Envoie cette liste."}},
}

// mails are those of the story, by name: one of each kind at least.
func (s story) mails() map[string]sample {
	all := map[string]sample{}
	a := s.articles()
	requester := func(name string, kind ticket.NoticeKind, number int, author string) {
		in := ToRequester{Kind: kind, Locale: s.locale, Site: s.site(), Queue: &s.site().Queues[0], Name: s.requester, Author: author,
			ReplyTo: "help+acuw64tpnvxs2ylcmnsgkztfnruxg2lonf2ha4de@acme.example",
			Request: Request{Reference: ticket.Reference{Prefix: "ACM", Number: 1042}, Tracking: "34679ACEFHKM", Subject: s.subject}}
		if public, ok := a[number-1].Public(); ok {
			in.Article = &public
		}
		if kind == ticket.Answer {
			in.Withheld = []string{"report.msg"}
		}
		all[name] = in
	}
	requester("acknowledgement", ticket.Acknowledgement, 1, "")
	known := all["acknowledgement"].(ToRequester)
	known.Account = "https://my.acme.example/requests?from=mail&lang=" + s.locale
	all["acknowledgement-account"] = known
	requester("receipt", ticket.Receipt, 1, "")
	requester("answer", ticket.Answer, 3, s.anna)
	requester("closed", ticket.ClosedNotice, 6, s.anna)
	requester("lapsed", ticket.LapsedNotice, 6, "")
	requester("reminder", ticket.Reminder, 6, "")
	reminder := all["reminder"].(ToRequester)
	reminder.About = &ticket.About{Action: ticket.CloseOwn, Until: a[2].At.Add(14 * 24 * time.Hour)}
	for _, number := range []int{1, 3} {
		public, _ := a[number-1].Public()
		entry := Entry{Public: public, Own: number == 1}
		if !entry.Own {
			entry.Author = s.anna
		}
		reminder.History = append(reminder.History, entry)
	}
	all["reminder"] = reminder
	own := all["closed"].(ToRequester)
	own.Own = true
	all["closed-own"] = own
	requester("reopened", ticket.ReopenedNotice, 6, s.anna)

	about := func(name string, kind ticket.NoticeKind, about ticket.About, change func(*ToRequester)) {
		in := ToRequester{Kind: kind, Locale: s.locale, Site: s.site(), Queue: &s.site().Queues[0], Name: s.requester, About: &about,
			ReplyTo: "help+mcuw64tpnvxs2ylcmnsgkztfnruxg2lonf2ha4de@acme.example"}
		if change != nil {
			change(&in)
		}
		all[name] = in
	}
	until := time.Date(2026, time.March, 12, 9, 20, 0, 0, time.UTC)
	request := Request{Reference: ticket.Reference{Prefix: "ACM", Number: 1042}, Subject: s.subject, State: ticket.Waiting, Changed: until}
	about("receipt-code", ticket.Receipt, ticket.About{}, func(in *ToRequester) { in.Code, in.Request = "34679CDF", request })
	about("validation", ticket.Validation, ticket.About{Action: ticket.AddParticipant, Address: "eve@elsewhere.example", Until: until}, func(in *ToRequester) { in.Code, in.Request = "34679CDF", request })
	about("validation-export", ticket.Validation, ticket.About{Action: ticket.ExportOwn, Until: until}, func(in *ToRequester) { in.Code = "34679CDF" })
	about("code-failed", ticket.CodeFailed, ticket.About{Action: ticket.ReadHistory, Problem: ticket.ProblemWrongCode, Left: 4}, func(in *ToRequester) { in.Request = request })
	about("code-failed-late", ticket.CodeFailed, ticket.About{Action: ticket.ExportOwn, Problem: ticket.ProblemLateCode}, nil)
	about("asked", ticket.Asked, ticket.About{Action: ticket.ReadHistory}, nil)
	about("asked-site", ticket.Asked, ticket.About{Action: ticket.SeeSite}, nil)
	about("done", ticket.Done, ticket.About{Action: ticket.ChangeAddress, Address: "marie.martin@elsewhere.example"}, func(in *ToRequester) { in.Request = request })
	about("done-erase", ticket.Done, ticket.About{Action: ticket.EraseOwn, Until: until.Add(72 * time.Hour)}, nil)
	about("done-undone", ticket.Done, ticket.About{Action: ticket.EraseOwn, Undone: true}, nil)
	closed := request
	closed.Reference.Number, closed.State, closed.Subject = 987, ticket.Closed, s.file
	about("status-site", ticket.Status, ticket.About{Action: ticket.SeeSite, Further: 12}, func(in *ToRequester) { in.Requests = []Request{request, closed} })
	about("status", ticket.Status, ticket.About{Action: ticket.AskStatus}, func(in *ToRequester) { in.Requests = []Request{request, closed} })
	about("status-none", ticket.Status, ticket.About{Action: ticket.AskStatus}, nil)
	about("history", ticket.History, ticket.About{Action: ticket.ReadHistory}, func(in *ToRequester) {
		in.Request = request
		for _, p := range ticket.PublicOnly(a) {
			e := Entry{Public: p, Own: p.Article().Author == 1}
			if !e.Own {
				e.Author = s.anna
			}
			in.History = append(in.History, e)
		}
	})
	about("export", ticket.Export, ticket.About{Action: ticket.ExportOwn}, func(in *ToRequester) { in.Requests = []Request{request, closed} })

	agent := func(name string, kind ticket.NoticeKind, number int, change func(*ToAgent)) {
		in := ToAgent{Kind: kind, Locale: s.locale, Site: s.site(), Queue: &s.site().Queues[0], Ticket: s.ticket(), To: 2, Commands: storyCommands,
			ReplyTo: "help+acuw64tpnvxs2ylcmnsgkztfnruxg2lonf2ha4de@acme.example", NoteTo: "help+cmuw64tpnvxs2ylcmnsgkztfnruxg2lonf2ha4de@acme.example"}
		if number > 0 {
			in.Article, in.History = &a[number-1], a[:number-1]
		}
		if change != nil {
			change(&in)
		}
		all[name] = in
	}
	deciding := append([]CommandHelp{{Name: "accept", Usage: "#accept"}, {Name: "reject", Usage: "#reject"}, {Name: "spam", Usage: "#spam"}}, storyCommands...)
	held := &ticket.Held{ID: "rty2ad6d2ktpixt4", Why: ticket.HeldStranger, From: ticket.Mailbox{Name: s.heldBy, Address: "marie@xn--custmer-4fg.example"}, Subject: "Re: [ACM-1042] " + s.subject, Text: s.held,
		Attachments: []ticket.Attachment{{Name: "invoice.pdf", Type: "application/pdf", Size: 81234}}}
	agent("agent-new", ticket.AgentNew, 1, func(in *ToAgent) { in.Ticket.State, in.Ticket.Assignee = ticket.New, 0 })
	agent("agent-new-unproved", ticket.AgentNew, 1, func(in *ToAgent) {
		unproved := a[0]
		unproved.Proof = ticket.ProofNone
		in.Article, in.Ticket.State, in.Ticket.Assignee = &unproved, ticket.New, 0
	})
	agent("agent-reply", ticket.AgentReply, 5, nil)
	agent("agent-answer", ticket.AgentAnswer, 3, func(in *ToAgent) { in.To = 3 })
	agent("agent-note", ticket.AgentNote, 4, nil)
	agent("agent-event", ticket.AgentEvent, 6, func(in *ToAgent) { in.To, in.Ticket.State = 3, ticket.Closed })
	agent("agent-event-failed", ticket.AgentEvent, 7, nil)
	whom := ticket.Address("marie@customer.example")
	agent("answer-failed-size", ticket.AnswerFailed, 3, func(in *ToAgent) {
		in.Undelivered = &ticket.Undelivered{To: whom, Reason: "552 5.3.4 the host takes no mail above 26214400 bytes", TooLarge: true, Size: 34567890, Limit: 26214400}
	})
	agent("answer-failed-size-unknown", ticket.AnswerFailed, 3, func(in *ToAgent) {
		in.Undelivered = &ticket.Undelivered{To: whom, Reason: "552 5.3.4 Message too big", TooLarge: true, Size: 34567890}
	})
	agent("answer-failed", ticket.AnswerFailed, 3, func(in *ToAgent) {
		in.Undelivered = &ticket.Undelivered{To: whom, Reason: "550 5.1.1 no such user here"}
	})
	agent("agent-reply-files-kept", ticket.AgentReply, 1, func(in *ToAgent) { in.FilesKept = true })
	due := time.Date(2026, time.March, 13, 9, 30, 0, 0, time.UTC)
	late := ticket.Article{Number: 8, Kind: ticket.EventArticle, At: due, Event: ticket.EventAnswerLate, Detail: due.Format(time.RFC3339)}
	agent("agent-new-promised", ticket.AgentNew, 1, func(in *ToAgent) {
		in.Ticket.State, in.Ticket.Assignee, in.Now = ticket.New, 0, due.Add(-4*time.Hour)
		in.Ticket.Service.FirstAnswer = ticket.Promise{Within: 4 * time.Hour, Since: in.Now, Due: due}
	})
	missed := func(in *ToAgent) {
		in.Ticket.State, in.Now, in.Article, in.History = ticket.New, due.Add(26*time.Hour), &late, a[:1]
		in.Ticket.Service.FirstAnswer = ticket.Promise{Within: 4 * time.Hour, Since: due.Add(-4 * time.Hour), Missed: due}
	}
	agent("agent-event-late", ticket.AgentEvent, 1, missed)
	agent("escalation", ticket.Escalation, 1, missed)
	agent("escalation-outside", ticket.Escalation, 1, func(in *ToAgent) { missed(in); in.To, in.ReplyTo, in.NoteTo = 0, in.Queue.Address, in.Queue.Address })
	agent("agent-held", ticket.AgentHeld, 0, func(in *ToAgent) { in.Held = held })
	agent("agent-held-deciding", ticket.AgentHeld, 0, func(in *ToAgent) { in.Held, in.Commands = held, deciding })
	agent("held-digest", ticket.HeldDigest, 0, func(in *ToAgent) {
		second := *held
		second.Why, second.Subject, second.From.Name, held.At, second.At = ticket.HeldUnconfirmed, s.subject, "", until, until.Add(time.Hour)
		second.ID, in.Commands = "b7qk3nveauxeh2lm", deciding
		nobody := second
		nobody.Why, nobody.From, nobody.ID = ticket.HeldNoSender, ticket.Mailbox{}, "c3kzamw7pq2nxl5e"
		in.Ticket, in.Waiting, in.Further, in.Aside = nil, []*ticket.Held{held, &second, &nobody}, 7, 12
	})
	agent("transcript", ticket.Transcript, 0, func(in *ToAgent) {
		in.Ticket.State = ticket.Closed
		in.Transcript = &ticket.TranscriptBody{Done: []ticket.TranscriptLine{{Line: "#take", Result: ticket.ResultTaken}, {Line: "#close", Result: ticket.ResultClosed}, {Result: ticket.ResultSent}}}
	})
	agent("transcript-problem", ticket.Transcript, 0, func(in *ToAgent) {
		in.Transcript = &ticket.TranscriptBody{Problem: ticket.ProblemStray, Line: "#clsoe", Nearest: "#close", Written: s.unsent, Help: true}
	})
	agent("transcript-list", ticket.Transcript, 0, func(in *ToAgent) {
		in.Ticket = nil
		in.Transcript = &ticket.TranscriptBody{Listed: true, Done: []ticket.TranscriptLine{{Line: "1 close", Result: ticket.ResultClosed, Ticket: "ACM-1042"},
			{Line: "3 snooze 2d", Result: ticket.ResultSnoozed, Detail: "2026-03-14T08:00:00Z", Ticket: "ACM-987"}}}
	})
	work := func(in *ToAgent) {
		in.Ticket, in.Recipient, in.Now = nil, "anna@acme.example", until
		first, second, third := s.ticket(), s.ticket(), s.ticket()
		first.ID, second.ID, third.ID = ticket.ID{1}, ticket.ID{2}, ticket.ID{3}
		second.Reference.Number, second.Subject, second.Assignee, second.State, second.Priority = 987, s.file, 0, ticket.New, ticket.Urgent
		third.Reference.Number, third.Subject, third.State, third.Assignee = 1040, strings.Repeat(s.subject+" ", 3), ticket.Waiting, 3
		first.Changed, second.Changed, third.Changed = until.Add(-75*time.Hour), until.Add(-11*time.Minute), until.Add(-30*time.Hour)
		third.Due = until.Add(20 * time.Hour)
		in.Tickets = []*ticket.Ticket{second, first, third}
	}
	list := func(name string, w ticket.Worklist, total int) {
		agent(name, ticket.AgentList, 0, func(in *ToAgent) {
			work(in)
			w.Page, w.Agent = max(w.Page, 1), in.Recipient
			in.List = &ticket.ListBody{Worklist: w, Total: total, Live: 2}
			for _, t := range in.Tickets[:min(total, 3)] {
				in.List.Tickets = append(in.List.Tickets, t.ID)
			}
			in.Tickets = in.Tickets[:len(in.List.Tickets)]
		})
	}
	list("agent-list", ticket.Worklist{View: ticket.ViewOpen, Queues: []string{"help"}}, 120)
	list("agent-list-search", ticket.Worklist{View: ticket.ViewSearch, Words: []string{"coffee", "leak"}, States: []ticket.State{ticket.Closed}}, 1)
	list("agent-list-contact", ticket.Worklist{View: ticket.ViewContact, From: "marie@customer.example"}, 3)
	list("agent-list-none", ticket.Worklist{View: ticket.ViewMine}, 0)
	agent("agent-show", ticket.AgentShow, 0, func(in *ToAgent) {
		in.History, in.Ticket.Priority, in.Ticket.Tags, in.Ticket.Articles = a, ticket.High, []string{"coffee", "warranty"}, 9
		in.Ticket.Opened, in.Ticket.Changed, in.Ticket.Due = a[0].At, until, until.Add(72*time.Hour)
	})
	agent("held-digest-morning", ticket.HeldDigest, 0, func(in *ToAgent) {
		work(in)
		t := in.Tickets
		in.Morning = &ticket.Morning{New: ticket.MorningList{Tickets: t[:1], Total: 1}, Due: ticket.MorningList{Tickets: t[2:], Total: 1},
			Long: ticket.MorningList{Tickets: t[1:2], Total: 12}, Mine: ticket.MorningList{Tickets: t[1:2], Total: 1}, Failed: ticket.MorningList{Tickets: t[:1], Total: 1}}
		in.Tickets = nil
	})
	about("validation-many", ticket.Validation, ticket.About{Action: ticket.AgentMany, Until: until, Lines: []string{"1 close", "2 close", "4 close", "5 tag coffee"}}, func(in *ToRequester) { in.Name, in.Code = s.anna, "34679CDF" })
	for _, p := range ticket.Periods {
		all["report-"+string(p)] = s.report(p)
	}
	nothing := s.report(ticket.Week)
	nothing.Report = ticket.NewTally(nothing.Report.ReportBody, nothing.Report.Made).Report(false)
	nothing.Report.ReportBody.Queues, nothing.Report.Whole = []string{"help"}, false
	all["report-nothing"] = nothing
	for _, name := range []string{"acknowledgement", "answer", "closed", "reopened"} {
		if in, ok := all[name].(ToRequester); ok {
			in.Chat = true
			all["chat-"+name] = in
		}
	}
	for _, name := range []string{"agent-new", "agent-new-unproved", "agent-reply", "agent-answer", "agent-note", "agent-event", "transcript", "transcript-problem"} {
		if in, ok := all[name].(ToAgent); ok {
			in.Chat = true
			all["chat-"+name] = in
		}
	}
	all["postmaster"] = ToAdmin{s.locale, s.site(), ticket.Held{Why: ticket.HeldPostmaster, From: ticket.Mailbox{Name: "Mailer team", Address: "abuse@provider.example"},
		Subject: "Complaint about a mail from your host", Text: "Hello,\n\none of our users complains about the mail below.\n\nThe abuse team", Proof: ticket.ProofDomain}}
	return all
}

// report is that of a busy time: a request every few hours, of which most are
// answered and some closed.
func (s story) report(p ticket.Period) ToReader {
	site := s.site()
	site.Queues = append(site.Queues, ticket.Queue{Name: "billing", Title: "Facturation & comptabilité fournisseurs"})
	now := time.Date(2026, time.March, 23, 7, 0, 0, 0, time.UTC)
	body := ticket.ReportUntil(p, now.In(site.Zone))
	body.Whole = true
	tally := ticket.NewTally(body, now)
	for i := range 120 {
		t := s.ticket()
		t.ID, t.Opened, t.Assignee = ticket.ID{byte(i)}, now.Add(-time.Duration(i*i)*11*time.Minute), uint16(i%3+1)%4
		if t.Assignee == 1 {
			t.Assignee = 0
		}
		t.Tags = [][]string{nil, {"café"}, {"coffee", "warranty"}}[i%3]
		if i%4 == 3 {
			t.Queue = "billing"
		}
		if i%5 != 0 {
			t.AnsweredNow(uint16(i%2+2), t.Opened.Add(time.Duration(i%7+1)*53*time.Minute))
		}
		if i%3 != 0 {
			t.SetState(ticket.Closed, t.Opened.Add(time.Duration(i%11+1)*7*time.Hour))
		}
		if p == ticket.Month { // where times are promised
			t.Service.FirstAnswer = ticket.Promise{Within: time.Hour}
			if i%6 == 1 {
				t.Service.FirstAnswer.Missed = t.Opened.Add(time.Hour)
			}
		}
		tally.Add(t)
	}
	return ToReader{Locale: s.locale, Site: site, Report: tally.Report(p == ticket.Month),
		Flow: Chart{ContentID: "flow.1@mx.acme.example", Top: 20, Colours: []string{"#3b82d6", "#e89b2c"}},
		Ages: Chart{ContentID: "ages.1@mx.acme.example", Top: 10, Colours: []string{"#3b82d6"}}}
}
