package router

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"guichet/ticket"
)

// Wake does what is due on a ticket though nobody writes: answers leave whose
// hold is over, a ticket that was put aside comes back, whoever is late is
// reminded, and what waits in vain for its requester is closed. It gives false
// when there is nothing to do.
func (r *Router) Wake(ctx context.Context, site string, id ticket.ID) (bool, error) {
	at, ok := r.Directory().Site(site)
	if !ok {
		return false, nil // taken out of the settings
	}
	for range attempts {
		facts, err := r.store.Facts(ctx, ticket.Query{Site: site, Tickets: []ticket.ID{id}})
		if err != nil {
			return false, fmt.Errorf("read: %w", err)
		}
		t := facts.Tickets[id]
		if t == nil {
			return false, nil
		}
		d := &decider{in: Input{Site: at, Now: r.now(), Ours: r.Directory().Ours}, facts: facts, mint: r.mint,
			change: &ticket.Change{Site: site, Operation: fmt.Sprintf("wake %s %d", id, t.Version), At: r.now()}}
		if !d.wake(t.Clone()) {
			return false, nil
		}
		_, err = r.store.Commit(ctx, d.change)
		if !errors.Is(err, ticket.ErrConflict) {
			return err == nil, err
		}
	}
	return false, fmt.Errorf("after %d attempts: %w", attempts, ticket.ErrConflict)
}

// Behind reports whether an open ticket is to be woken because the settings have
// changed: whoever has it has left the team, or what is due on it is due at
// another time.
func (r *Router) Behind(t *ticket.Ticket) bool {
	site, ok := r.Directory().Site(t.Site)
	if !ok || t.State.Done() {
		return false
	}
	if p, taken := t.Participant(t.Assignee); taken {
		if queue, ok := site.Queue(t.Queue); p.Removed || ok && !queue.Agent(p.Address) {
			return true
		}
	}
	now := t.Clone()
	site.ReckonAnew(now, r.now())
	return !now.Service.Equal(t.Service)
}

// wake does what is due on a ticket, and reports whether anything was.
func (d *decider) wake(t *ticket.Ticket) bool {
	changed, before := t.Changed, t.Service
	if queue, ok := d.in.Site.Queue(t.Queue); ok {
		d.listAgents(t, queue)
	}
	d.in.Site.ReckonAnew(t, d.in.Now)
	d.wakePending(t)
	d.wakeSnoozed(t)
	d.wakePromises(t)
	d.wakeWaiting(t)
	if d.passBack(t) {
		d.tellAgents(ticket.AgentEvent, t, nil, t.Articles)
	}
	d.in.Site.Reckon(t, d.in.Now)
	if len(d.change.Tickets) == 0 && !t.Service.Equal(before) {
		d.alter(t)
		t.Changed = changed // nothing happened to it: only the settings are others
	}
	return len(d.change.Tickets) > 0
}

// due reports whether a time that is set has come.
func (d *decider) due(at time.Time) bool { return !at.IsZero() && !at.After(d.in.Now) }

func (d *decider) wakePending(t *ticket.Ticket) {
	for _, p := range slices.Clone(t.Pending) {
		if d.due(p.Until) {
			d.releasePending(t, p)
		}
	}
}

func (d *decider) wakeSnoozed(t *ticket.Ticket) {
	if d.due(t.Snoozed) {
		t.Snoozed = time.Time{}
		d.happened(t, ticket.EventWoken, "")
	}
}

// happened writes an event that nobody caused, and tells the team.
func (d *decider) happened(t *ticket.Ticket, e ticket.Event, detail string) {
	number := d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: e, Detail: detail})
	d.tellAgents(ticket.AgentEvent, t, nil, number)
}

// wakePromises reminds of what is due before long, and tells of what was missed.
func (d *decider) wakePromises(t *ticket.Ticket) {
	d.in.Site.Reckon(t, d.in.Now) // an answer may have left just now
	for _, promised := range []struct {
		*ticket.Promise
		soon, late ticket.Event
	}{
		{&t.Service.FirstAnswer, ticket.EventAnswerSoon, ticket.EventAnswerLate},
		{&t.Service.Solution, ticket.EventSolutionSoon, ticket.EventSolutionLate},
	} {
		p := promised.Promise
		switch {
		case p.Since.IsZero():
		case !p.Missed.IsZero() && !p.Escalated:
			p.Escalated = true
			d.escalate(t, promised.late, p.Missed)
		case d.due(p.Remind):
			p.Reminded, p.Remind = true, time.Time{}
			d.remindTeam(t, promised.soon, p.Due)
		}
	}
	if t.PastDue(d.in.Now) {
		t.Overdue = t.Due
		d.remindTeam(t, ticket.EventOverdue, t.Due)
	}
}

// remindTeam tells whoever has the ticket, or else the team.
func (d *decider) remindTeam(t *ticket.Ticket, e ticket.Event, at time.Time) {
	number := d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: e, Detail: at.Format(time.RFC3339)})
	if p, ok := t.Participant(t.Assignee); ok && !p.Removed {
		d.notify(ticket.AgentEvent, t, p, number)
		return
	}
	d.tellAgents(ticket.AgentEvent, t, nil, number)
}

// escalate tells those whom the settings name of a time that was missed, and the
// rest of the team. Who is named and not of the team gets a letter of their own.
func (d *decider) escalate(t *ticket.Ticket, e ticket.Event, at time.Time) {
	number := d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: e, Detail: at.Format(time.RFC3339)})
	var named []ticket.Address
	if queue, ok := d.in.Site.Queue(t.Queue); ok {
		named = queue.Service.Escalate
	}
	for _, p := range t.Active(ticket.AgentRole) {
		kind := ticket.AgentEvent
		if slices.ContainsFunc(named, p.Address.Same) {
			kind = ticket.Escalation
		}
		d.notify(kind, t, p, number)
	}
	for _, a := range named {
		if p, ok := t.Who(a); ok && p.Role == ticket.AgentRole {
			continue
		}
		n := d.mint.Letter(ticket.Escalation, t.Site, t.Queue, ticket.Mailbox{Address: a}, d.in.Site.Locale(), d.in.Now)
		n.Ticket, n.Article = t.ID, number
		d.change.Notices = append(d.change.Notices, n)
	}
}

// wakeWaiting reminds a requester that their answer is waited for, and closes the
// ticket when none came.
func (d *decider) wakeWaiting(t *ticket.Ticket) {
	d.in.Site.Reckon(t, d.in.Now)
	requester := t.Requester()
	switch {
	case slices.ContainsFunc(t.Pending, func(p ticket.Pending) bool { return !p.Until.IsZero() }):
		// An answer is about to leave, and they are given their time anew.
	case d.due(t.Service.Close):
		t.SetState(ticket.Closed, d.in.Now)
		t.Snoozed = time.Time{}
		d.happened(t, ticket.EventLapsed, "")
		if !t.Unproved && !requester.Removed {
			n := d.notify(ticket.LapsedNotice, t, requester, 0)
			n.Brakes = ticket.ReminderBrakes(requester.Address)
		}
	case d.due(t.Service.Remind):
		t.Reminded = d.in.Now
		d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventReminded})
		n := d.notify(ticket.Reminder, t, requester, 0)
		n.About = &ticket.About{Action: ticket.CloseOwn, Until: t.Service.Close}
		n.Brakes = ticket.ReminderBrakes(requester.Address)
	}
}

// settle brings all tickets of the change in line with what was done to them.
func (d *decider) settle() {
	for i := range d.change.Tickets {
		t := d.change.Tickets[i].Ticket
		d.passBack(t)
		d.in.Site.Reckon(t, d.in.Now)
	}
}

// passBack gives a ticket back to the team whose agent is no longer of it.
func (d *decider) passBack(t *ticket.Ticket) bool {
	p, ok := t.Participant(t.Assignee)
	if !ok || !p.Removed || t.State.Done() {
		return false
	}
	t.Assignee = 0
	d.write(t, ticket.Article{Kind: ticket.EventArticle, Event: ticket.EventLeftTeam, Detail: p.Called()})
	return true
}
