package outbox

import (
	"bytes"
	"encoding/csv"
	"image/png"
	"net/mail"
	"strings"
	"testing"

	"guichet/chart"
	"guichet/ticket"
)

// reportOf is the notice of a report to somebody, about some queues or, with none,
// the whole site.
func reportOf(to ticket.Address, queues ...string) ticket.Notice {
	body := ticket.ReportOf(ticket.Week, opened)
	body.Queues, body.Whole = queues, len(queues) == 0
	return ticket.Notice{ID: "n1", Kind: ticket.ReportMail, Site: "acme", Queue: "help", Mailbox: ticket.Mailbox{Address: to},
		MessageID: "x@mx.guichet.test", Locale: "en", Created: opened, Report: &body}
}

func TestAReportBringsNumbersChartsAndATable(t *testing.T) {
	m := newMatter(t)
	m.t.AnsweredNow(2, opened.Add(2*60e9))
	m.t.Tags = []string{"=coffee"}
	text := raw(t, m.composed(t, reportOf("anna@acme.example", "help")))
	checkLines(t, text)
	all := parts(t, text)
	if len(all) != 5 {
		t.Fatalf("%d parts", len(all))
	}
	said, page := all[0].content, all[1].content
	for _, want := range []string{"Acme support", "Opened    1", "Anna Berg", "=coffee", "first answer 2\u00a0min"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
	for i, name := range []string{"flow.png", "ages.png"} {
		p := all[2+i]
		picture, err := png.Decode(strings.NewReader(p.content))
		if err != nil || p.name != name || picture.Bounds().Dx() != chart.Width {
			t.Errorf("%s %s: %v", p.kind, p.name, err)
		}
		if id := strings.Trim(first(p.header["Content-Id"]), "<>"); !strings.Contains(page, `src="cid:`+id+`"`) {
			t.Errorf("the page does not show %q", id)
		}
	}
	table := all[4]
	if table.kind != "text/csv" || table.name != "report-acme-week-2026-03-09.csv" {
		t.Errorf("the table is %s %s", table.kind, table.name)
	}
	rows, err := csv.NewReader(bytes.NewReader([]byte(table.content))).ReadAll()
	if err != nil || rows[1][0] != "total" || rows[1][5] != "1" {
		t.Errorf("%v: %q", err, rows)
	}
	for _, p := range all {
		if strings.Contains(strings.ToLower(p.content), "marie") {
			t.Errorf("%s %s names the requester", p.kind, p.name)
		}
	}
	read, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil || read.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v: Auto-Submitted is %q", err, read.Header.Get("Auto-Submitted"))
	}
}

// Who may have the numbers is asked for when they leave: the settings may have
// changed since.
func TestAReportGoesToNobodyElse(t *testing.T) {
	m := newMatter(t)
	m.site.Queues = append(m.site.Queues, ticket.Queue{Name: "billing", Address: "billing@acme.example", Agents: []ticket.Address{"carl@acme.example"}})
	m.site.Reports.To = []ticket.Address{"chef@acme.example"}
	o, err := New(Settings{Hostname: "mx.guichet.test", Outgoing: Outgoing{Route: Route{Scheme: "direct"}}}, m.parts())
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []struct {
		n   ticket.Notice
		has bool
	}{
		{reportOf("anna@acme.example", "help"), true},
		{reportOf("anna@acme.example", "billing"), false},
		{reportOf("anna@acme.example", "help", "billing"), false},
		{reportOf("anna@acme.example", "gone"), false},
		{reportOf("anna@acme.example"), false},
		{reportOf("chef@acme.example"), true},
		{reportOf("chef@acme.example", "help"), false},
		{reportOf("eve@elsewhere.example"), false},
	} {
		_, err := o.compose(t.Context(), m.site, each.n, o.current())
		if _, gone := isGone(err); gone == each.has || err != nil && !gone {
			t.Errorf("%s, queues %q: %v", each.n.Mailbox.Address, each.n.Report.Queues, err)
		}
	}
}
