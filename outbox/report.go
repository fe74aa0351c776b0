package outbox

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"time"

	"guichet/chart"
	"guichet/templates"
	"guichet/ticket"
)

// reportLetter writes a report: numbers, their charts, and a table for other
// programs. Those who may have it are asked for again at this moment: an agent must
// still be of the team of each of its queues, and only whom the settings name gets
// the whole site's.
func (c *composer) reportLetter() (*letter, error) {
	to, r := c.notice.Mailbox, c.Report
	if r == nil || !mayReport(c.site, r.ReportBody, to.Address) {
		return nil, errGone("no longer one of those who get these numbers")
	}
	flow, ages := chartsOf(r)
	id := func(name string) string { return name + "." + c.notice.ID + "@" + c.hostname }
	in := templates.ToReader{
		Locale: c.notice.Locale, Site: c.site, Report: r,
		Flow: templates.Chart{ContentID: id("flow"), Top: flow.Top, Colours: []string{chart.Blue.Hex(), chart.Orange.Hex()}},
		Ages: templates.Chart{ContentID: id("ages"), Top: ages.Top, Colours: []string{chart.Blue.Hex()}},
	}
	written, err := c.templates.ToReader(in)
	if err != nil {
		return nil, err
	}
	l := c.begin(to.Address, c.queue.Mailbox(), mailbox(to.Name, to.Address), written)
	c.finish(l, nil, written)
	l.files = []file{
		generated("flow.png", "image/png", in.Flow.ContentID, flow.PNG),
		generated("ages.png", "image/png", in.Ages.ContentID, ages.PNG),
		generated(ReportFile(c.site, r), "text/csv", "", r.CSV()),
	}
	return l, nil
}

// mayReport reports whether somebody may have the numbers of those queues.
func mayReport(site *ticket.Site, b ticket.ReportBody, who ticket.Address) bool {
	if b.Whole {
		return site.Reports.Has(who)
	}
	for _, name := range b.Queues {
		if q, ok := site.Queue(name); !ok || !q.Agent(who) {
			return false
		}
	}
	return len(b.Queues) > 0
}

// chartsOf draws what was opened and closed in each part of the time, and how old
// what is open is.
func chartsOf(r *ticket.Report) (flow, ages chart.Chart) {
	opened, closed := make([]int, len(r.Parts)), make([]int, len(r.Parts))
	for i, p := range r.Parts {
		opened[i], closed[i] = p.Opened, p.Closed
	}
	flow = chart.Columns(chart.Series{Colour: chart.Blue, Values: opened}, chart.Series{Colour: chart.Orange, Values: closed})
	return flow, chart.Columns(chart.Series{Colour: chart.Blue, Values: r.Ages})
}

// ReportFile is what the table of a report is called.
func ReportFile(site *ticket.Site, r *ticket.Report) string {
	return "report-" + site.Name + "-" + string(r.Period) + "-" + r.From.In(cmp.Or(site.Zone, time.UTC)).Format(time.DateOnly) + ".csv"
}

// generated is a file that is made with the mail.
func generated(name, mediaType, contentID string, b []byte) file {
	return file{name: name, mediaType: mediaType, contentID: contentID, encoding: "base64", open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}
