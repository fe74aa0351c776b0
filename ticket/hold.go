package ticket

import "time"

// Hold puts a ticket under a legal hold, or lifts it: nothing of it is erased
// meanwhile, by anybody. Why, and by whom, stands on the ticket.
func Hold(t *Ticket, on bool, why, by string, now time.Time) TicketChange {
	t = t.Clone()
	t.LegalHold = on
	t.Articles++
	t.Changed = now
	event := Article{Number: t.Articles, Kind: EventArticle, At: now, Event: EventLegalHold, Detail: why, Text: by}
	if !on {
		event.Event = EventLegalRelease
	}
	return TicketChange{Ticket: t, Articles: []Article{event}}
}
