package templates

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// name is what somebody is called. A name that holds an address is somebody
// else's, perhaps; then the true address stands in its place.
func name(m ticket.Mailbox) string {
	if n := Line(m.Name, 60); n != "" && !strings.Contains(n, "@") {
		return n
	}
	return showAddress(m.Address)
}

// called is name, or Guichet where nobody did it.
func (c *catalogue) called(m ticket.Mailbox) string {
	if m.Address == "" {
		return c.word("guichet")
	}
	return name(m)
}

// full is name and address, whatever the name says.
func full(m ticket.Mailbox) string {
	n := Line(m.Name, 60)
	switch {
	case m.Address == "":
		return n
	case n == "":
		return showAddress(m.Address)
	}
	return n + " <" + showAddress(m.Address) + ">"
}

// proof says in one line how sure it is who wrote.
func (c *catalogue) proof(p ticket.Proof, author ticket.Mailbox) (string, bool) {
	switch {
	case p >= ticket.ProofToken:
		return c.word("proof.token", "domain", author.Address.Domain()), true
	case p == ticket.ProofDomain:
		return c.word("proof.proved", "domain", author.Address.Domain()), true
	}
	return c.word("proof.none"), false
}

func (c *catalogue) why(w ticket.Why) string { return c.word("why." + string(w)) }

// event says in one sentence what happened.
func (c *catalogue) event(a *ticket.Article, author ticket.Mailbox, zone *time.Location) string {
	key := "event." + string(a.Event)
	if _, ok := c.words[key+"-none"]; ok && a.Detail == "" {
		key += "-none"
	}
	return c.word(key, "who", c.called(author), "detail", c.detail(a.Detail, zone), "whom", Line(a.Text, 254))
}

// detail says what an event or a result was about: a problem, an action or a
// priority in words, a time in the site's zone, anything else as it is.
func (c *catalogue) detail(s string, zone *time.Location) string {
	for _, prefix := range []string{"problem.", "wish.", "priority."} {
		if text, ok := c.words[prefix+s]; ok {
			return text
		}
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return c.when(at, zone)
	}
	return Line(s, 200)
}

// textIsWhom tells that the text of an event is whom it is about, not what somebody
// wrote.
var textIsWhom = map[ticket.Event]bool{
	ticket.EventDeliveryFailed: true, ticket.EventMuted: true, ticket.EventLegalHold: true, ticket.EventLegalRelease: true,
}

// when is a point in time, in the site's zone.
func (c *catalogue) when(t time.Time, zone *time.Location) string {
	t = t.In(cmp.Or(zone, time.UTC))
	months := strings.Split(c.words["months"], ",")
	month := t.Month().String()
	if len(months) == 12 {
		month = strings.TrimSpace(months[t.Month()-1])
	}
	return c.word("time", "day", strconv.Itoa(t.Day()), "month", month, "year", strconv.Itoa(t.Year()),
		"hour", strconv.Itoa(t.Hour()), "minute", t.Format("04"))
}

// service is which promise of a ticket is to be kept next, and until when; ""
// where none runs.
func (c *catalogue) service(t *ticket.Ticket, now time.Time, zone *time.Location) string {
	promise, until, late := t.Pressing(now)
	if promise == nil {
		return ""
	}
	key := "service.solution"
	if promise == &t.Service.FirstAnswer {
		key = "service.answer"
	}
	if late {
		return c.word(key+"-late", "when", c.moment(until, now, zone))
	}
	return c.word(key+"-due", "when", c.moment(until, now, zone))
}

// moment is a point in time, by the hour alone where it is of the same day.
func (c *catalogue) moment(t, now time.Time, zone *time.Location) string {
	zone = cmp.Or(zone, time.UTC)
	t, now = t.In(zone), now.In(zone)
	if t.YearDay() != now.YearDay() || t.Year() != now.Year() {
		return c.when(t, zone)
	}
	return c.word("hour", "hour", strconv.Itoa(t.Hour()), "minute", t.Format("04"))
}

// size is a number of bytes as people say it.
func (c *catalogue) size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " " + c.word("bytes")
	}
	units := strings.Split(c.words["units"], ",")
	value, unit := float64(n)/1000, 0
	for value >= 999.5 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	digits := 1
	if value >= 9.95 {
		digits = 0
	}
	number := strings.Replace(strconv.FormatFloat(value, 'f', digits, 64), ".", c.word("decimal"), 1)
	return number + " " + strings.TrimSpace(units[unit])
}

// files lists attachments.
func (c *catalogue) files(all []ticket.Attachment) (block, bool) {
	b := block{Kind: filesBlock}
	for _, a := range all {
		b.Rows = append(b.Rows, row{Head: Line(a.Name, 120), Side: c.size(a.Size)})
	}
	return b, len(b.Rows) > 0
}

var (
	pictures  = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}
	contentID = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~@-]{1,200}$`)
)

// Shown reports whether an attachment is a picture that the HTML shows in its
// place, by its Content-ID.
func Shown(a ticket.Attachment) bool {
	return a.Inline && slices.Contains(pictures, a.Type) && contentID.MatchString(a.ContentID)
}

func images(all []ticket.Attachment) []image {
	var out []image
	for _, a := range all {
		if Shown(a) {
			out = append(out, image{a.ContentID, Line(a.Name, 120)})
		}
	}
	return out
}
