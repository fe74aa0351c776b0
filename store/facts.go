package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"guichet/store/engine"
	"guichet/ticket"
)

// ticketFields are what a ticket is read from.
var ticketFields = []string{fieldTVersion, fieldNumber, fieldKey, fieldSealed}

// maxFactMessages bounds how many Message-IDs of one message are looked up: the
// newest come first, and a References field may name thousands.
const maxFactMessages = 100

// Facts answers a query, in one round trip to the engine.
func (s *Store) Facts(ctx context.Context, q ticket.Query) (*ticket.Facts, error) {
	r, err := s.room(ctx, q.Site)
	if err != nil {
		return nil, err
	}
	q.MessageIDs = q.MessageIDs[:min(len(q.MessageIDs), maxFactMessages)]
	toTicket := &engine.Follow{Field: fieldTicket, Record: prefixTicket, Fields: ticketFields}
	var asks []engine.Ask
	for _, id := range q.Tickets {
		asks = append(asks, engine.Ask{Record: recordTicket(id), Fields: ticketFields})
	}
	for _, id := range q.MessageIDs {
		asks = append(asks, engine.Ask{Record: recordMessage(r.digest(kindMessage, id)), Follow: toTicket})
	}
	for _, n := range q.References {
		asks = append(asks, engine.Ask{Record: recordNumber(n), Follow: toTicket})
	}
	for _, delivery := range q.Seen {
		asks = append(asks, engine.Ask{Record: recordSeen(r.digest(kindSeen, delivery)), Fields: []string{fieldSeen}})
	}
	answers, err := r.read(ctx, "facts", asks...)
	if err != nil {
		return nil, err
	}
	facts, err := r.facts(q, answers)
	if err == nil && len(facts.Seen) > 0 {
		// Who is told that a message was taken before must be able to rely on it
		// as if it were taken now.
		err = s.engine.Sync(ctx, r.space)
	}
	if err != nil {
		return nil, fmt.Errorf("store: facts: %w", err)
	}
	return facts, nil
}

// facts reads the answers in the order of the asks.
func (r room) facts(q ticket.Query, answers []engine.Answer) (*ticket.Facts, error) {
	f := &ticket.Facts{
		Tickets:     map[ticket.ID]*ticket.Ticket{},
		ByMessageID: map[string]ticket.ID{},
		ByReference: map[uint64]ticket.ID{},
		Seen:        map[string]bool{},
	}
	next := func() engine.Row {
		row := answers[0].Rows[0]
		answers = answers[1:]
		return row
	}
	for _, id := range q.Tickets {
		if err := r.addTicket(f, id, next().Fields); err != nil {
			return nil, err
		}
	}
	for _, messageID := range q.MessageIDs {
		id, found, err := r.reached(f, next())
		if err != nil {
			return nil, err
		}
		if found {
			f.ByMessageID[messageID] = id
		}
	}
	for _, n := range q.References {
		id, found, err := r.reached(f, next())
		if err != nil {
			return nil, err
		}
		if found {
			f.ByReference[n] = id
		}
	}
	for _, delivery := range q.Seen {
		if len(next().Fields) > 0 {
			f.Seen[delivery] = true
		}
	}
	return f, nil
}

// reached reads the ticket that a posting leads to. A posting of a ticket that
// was erased in the same moment leads nowhere.
func (r room) reached(f *ticket.Facts, row engine.Row) (ticket.ID, bool, error) {
	if row.Reached == "" {
		return ticket.ID{}, false, nil
	}
	id, err := ticket.ParseID(row.Reached)
	if err != nil {
		return id, false, fmt.Errorf("posting: %w", err)
	}
	if err := r.addTicket(f, id, row.Followed); err != nil {
		return id, false, err
	}
	_, found := f.Tickets[id]
	return id, found, nil
}

func (r room) addTicket(f *ticket.Facts, id ticket.ID, fields map[string][]byte) error {
	if f.Tickets[id] != nil || fields[fieldSealed] == nil {
		return nil
	}
	t, err := r.openTicket(id, fields)
	if err != nil {
		return err
	}
	f.Tickets[id] = t
	return nil
}

// openTicket reads a ticket from ticketFields.
func (r room) openTicket(id ticket.ID, fields map[string][]byte) (*ticket.Ticket, error) {
	k, err := r.secrets.unwrapTicket(r.Name, r.keys, id, fields[fieldKey])
	if err != nil {
		return nil, err
	}
	t := &ticket.Ticket{}
	if err := r.openJSON(k.key, r.at(recordTicket(id), fieldSealed), fields[fieldSealed], t); err != nil {
		return nil, err
	}
	if t.Version, err = strconv.ParseUint(string(fields[fieldTVersion]), 10, 64); err != nil {
		return nil, fmt.Errorf("version of ticket %s: %w", id, err)
	}
	number, err := strconv.ParseUint(string(fields[fieldNumber]), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("number of ticket %s: %w", id, err)
	}
	t.Reference = ticket.Reference{Prefix: r.Prefix, Number: number}
	return t, nil
}

func (s *Store) sealJSON(k key, at place, v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("store: writing %s: %w", at.record, err)
	}
	return s.vault.seal(k, at, plain), nil
}

func (s *Store) openJSON(k key, at place, sealed []byte, v any) error {
	plain, err := s.vault.open(k, at, sealed)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(plain, v); err != nil {
		return fmt.Errorf("store: reading %s: %w", at.record, err)
	}
	return nil
}
