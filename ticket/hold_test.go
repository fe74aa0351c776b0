package ticket

import (
	"testing"
	"time"
)

func TestALegalHoldStandsOnTheTicket(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	was := &Ticket{Articles: 3, Version: 7}
	c := Hold(was, true, "a claim", "anna", now)
	a := c.Articles[0]
	if !c.Ticket.LegalHold || was.LegalHold || c.Ticket.Version != 7 || c.Ticket.Articles != 4 || !c.Ticket.Changed.Equal(now) {
		t.Errorf("the ticket is %+v", c.Ticket)
	}
	if a.Number != 4 || a.Kind != EventArticle || a.Event != EventLegalHold || a.Detail != "a claim" || a.Text != "anna" {
		t.Errorf("the event is %+v", a)
	}
	if c = Hold(c.Ticket, false, "settled", "ben", now); c.Ticket.LegalHold || c.Articles[0].Event != EventLegalRelease {
		t.Errorf("lifted: %+v", c)
	}
}
