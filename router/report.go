package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"guichet/ticket"
)

// reporting are the commands that ask for numbers.
var reporting = []command{
	{name: "report", names: map[string][]string{"fr": {"rapport"}}, usage: "[day|week|month|DATE] [QUEUE]", action: ticket.AgentRead, anywhere: true, run: (*act).report,
		example: "#report week billing",
		help: map[string]string{
			"en": "Sends the numbers of your queues, or of one, with charts: of the last day, week or month, or of a calendar month or day such as 2026-11 or 2026-11-20.",
			"fr": "Envoie les chiffres de vos files, ou d’une seule, avec des graphiques : du dernier jour, de la semaine, du mois, ou d’un mois ou jour du calendrier comme 2026-11 ou 2026-11-20."}},
}

// periodWords are those of all languages that commands are written in.
var periodWords = map[string]ticket.Period{
	"day": ticket.Day, "jour": ticket.Day, "week": ticket.Week, "semaine": ticket.Week, "month": ticket.Month, "mois": ticket.Month,
}

// report owes the agent the numbers of their queues, or of one of them. They are
// counted when the mail leaves, beside the way of others' mail.
func (a *act) report() ticket.TranscriptLine {
	d := a.d
	words := strings.Fields(strings.ToLower(a.argument))
	body, words, problem := readPeriod(words, d.in.Now.In(cmp.Or(d.in.Site.Zone, time.UTC)))
	if problem != "" {
		return a.refuse(problem)
	}
	for _, q := range d.in.Site.Queues {
		if q.Agent(d.from) && (len(words) == 0 || strings.EqualFold(q.Name, words[0])) {
			body.Queues = append(body.Queues, q.Name)
		}
	}
	switch {
	case len(words) > 1:
		return a.refuse(ticket.ProblemArgument)
	case len(body.Queues) == 0 && len(words) == 1:
		return a.refuse(ticket.ProblemNoQueue)
	case len(body.Queues) == 0: // from an address that is theirs, but not the one that is listed
		return a.refuse(ticket.ProblemNotAllowed)
	}
	n := d.letter(ticket.ReportMail, a.queue, d.sender(), d.locale())
	n.Report = &body
	n.Brakes = ticket.TranscriptBrakes(d.from)
	return ticket.TranscriptLine{Result: ticket.ResultListed}
}

// readPeriod reads the time that a report is to tell of, and gives the words
// after it. Nothing said is the last week.
func readPeriod(words []string, now time.Time) (body ticket.ReportBody, rest []string, problem string) {
	if len(words) == 0 {
		return ticket.ReportUntil(ticket.Week, now), nil, ""
	}
	if p, ok := periodWords[words[0]]; ok {
		return ticket.ReportUntil(p, now), words[1:], ""
	}
	p, at, ok := ticket.CalendarPeriod(words[0], now.Location())
	switch {
	case !ok:
		return ticket.ReportUntil(ticket.Week, now), words, ""
	case at.After(now) || at.Before(now.AddDate(-reportYears, 0, 0)):
		return body, nil, ticket.ProblemArgument
	}
	return ticket.ReportOf(p, at), words[1:], ""
}

// reportYears is how far back a report may look.
const reportYears = 10

// Reports owes those whom the settings of a site name its numbers, at the times
// that they name. Any number of daemons may do so side by side.
type Reports struct {
	router *Router
	told   told // of each site and period, the time of its newest report
}

// Reports makes what reports the directory's sites.
func (r *Router) Reports() *Reports { return &Reports{router: r} }

// reportLate is how long after its time a report still leaves, as when no daemon
// ran then. It is below the time that the store knows a commit again.
const reportLate = digestLate

// Due owes the reports whose time has come. A site that fails does not keep the
// others from theirs; it is tried again the next time.
func (p *Reports) Due(ctx context.Context) error {
	var failed error
	for _, site := range p.router.Directory().Sites() {
		for _, period := range ticket.Periods {
			at, set := site.Reports.At[period]
			if !set || len(site.Reports.To) == 0 || len(site.Queues) == 0 {
				continue
			}
			now := p.router.now().In(cmp.Or(site.Zone, time.UTC))
			last := at.Last(period, now)
			if now.Sub(last) >= reportLate {
				continue
			}
			err := p.told.once(site.Name+" "+string(period), last.UTC().Format(time.RFC3339), func() error { return p.owe(ctx, site, period, last) })
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("report of %w", err))
			}
		}
	}
	return failed
}

// owe commits the report that is due at a time. All daemons give the commit the
// same name, so that the first of them writes it.
func (p *Reports) owe(ctx context.Context, site *ticket.Site, period ticket.Period, at time.Time) error {
	c := scheduled(site, period, at, p.router.now(), p.router.mint)
	result, err := p.router.store.Commit(ctx, c)
	if err == nil && !result.Repeat {
		p.router.log.InfoContext(ctx, "report", "site", site.Name, "period", period, "until", at, "notices", len(c.Notices))
	}
	return err
}

// scheduled is what a report changes: a mail to each of those whom the settings
// name, about the time since the one before.
func scheduled(site *ticket.Site, period ticket.Period, at, now time.Time, mint ticket.Mint) *ticket.Change {
	c := &ticket.Change{Site: site.Name, Operation: fmt.Sprintf("report %s %d", period, at.Unix()), At: now}
	for _, to := range site.Reports.To {
		body := ticket.ReportUntil(period, at)
		body.Whole = true
		n := mint.Letter(ticket.ReportMail, site.Name, site.Queues[0].Name, ticket.Mailbox{Address: to}, site.Locale(), now)
		n.Report = &body
		c.Notices = append(c.Notices, n)
	}
	return c
}
