package parser

import "strings"

// parseCalendar reads what an invitation says (RFC 5545, RFC 5546): its method
// and the first event, with the text that describes it.
func parseCalendar(text string) (c *Calendar, description string) {
	c = &Calendar{}
	inEvent := false
	for l := range strings.SplitSeq(unfoldCalendar(text), "\n") {
		name, params, value := cutProperty(l)
		switch name {
		case "BEGIN":
			inEvent = inEvent || strings.EqualFold(value, "VEVENT") || strings.EqualFold(value, "VTODO")
		case "END":
			if inEvent && (strings.EqualFold(value, "VEVENT") || strings.EqualFold(value, "VTODO")) {
				return c, description
			}
		case "METHOD":
			c.Method = strings.ToLower(value)
		}
		if inEvent && name == "DESCRIPTION" {
			description = calendarLines.Replace(value)
		} else if inEvent {
			c.property(name, params, value)
		}
	}
	if c.Method == "" && !inEvent {
		return nil, ""
	}
	return c, description
}

func (c *Calendar) property(name, params, value string) {
	switch name {
	case "SUMMARY":
		c.Summary = cleanLine(calendarText.Replace(value))
	case "ORGANIZER":
		c.Organizer = cleanAddress(strings.TrimPrefix(strings.TrimPrefix(value, "mailto:"), "MAILTO:"))
	case "DTSTART":
		c.Start = value
		if i := strings.Index(params, "TZID="); i >= 0 {
			zone, _, _ := strings.Cut(params[i+5:], ";")
			c.Start += " " + strings.Trim(zone, `"`)
		}
	}
}

var calendarText = strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`)

// calendarLines undoes the same (RFC 5545 §3.3.11) and keeps the lines.
var calendarLines = strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)

// unfoldCalendar joins folded lines (RFC 5545 §3.1).
func unfoldCalendar(s string) string {
	return strings.NewReplacer("\n ", "", "\n\t", "").Replace(s)
}

// cutProperty parts NAME;PARAMS:VALUE; a colon in quotes is none.
func cutProperty(l string) (name, params, value string) {
	quoted := false
	for i := 0; i < len(l); i++ {
		switch {
		case l[i] == '"':
			quoted = !quoted
		case l[i] == ':' && !quoted:
			name, params, _ = strings.Cut(l[:i], ";")
			return strings.ToUpper(name), params, strings.TrimSpace(l[i+1:])
		}
	}
	return "", "", ""
}
