package store

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// Act is what an administrator did with somebody's data: the record that is kept
// of it. It names nobody but the administrator.
type Act struct {
	ID   string    `json:"id"`
	Site string    `json:"site"`
	At   time.Time `json:"at"`
	Did  ActKind   `json:"did"`
	By   string    `json:"by"`     // the administrator, as the machine knows them
	Why  string    `json:"reason"` // in their words
	// Who is the digest of the address that it was about, or "" where it was about
	// one ticket. See Store.Who.
	Who string `json:"who"`
	// Tickets, Held and Letters are how many of each: mails of no ticket.
	Tickets int `json:"tickets"`
	Held    int `json:"held"`
	Letters int `json:"letters"`
	// Kept is how many tickets were left because of a legal hold.
	Kept int `json:"kept"`
}

// ActKind is what was done.
type ActKind string

const (
	ActErased   ActKind = "erased"
	ActExported ActKind = "exported"
	ActHeld     ActKind = "held"     // a legal hold was set
	ActReleased ActKind = "released" // and lifted
)

// kindPerson keeps these digests apart from those that tickets are found by.
const kindPerson kind = "person"

// Who is the digest of an address in the acts of a site: who knows the address
// can find what was done about it, and nobody can tell an address from it. The
// first is that of now; the others are of before the look-up keys were renewed.
func (s *Store) Who(ctx context.Context, site string, a ticket.Address) ([]string, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, d := range slices.Backward(r.keys.everNamed(kindPerson, a.Key())) {
		all = append(all, string(d))
	}
	return all, nil
}

// RecordAct keeps the record of an act.
func (s *Store) RecordAct(ctx context.Context, a Act) error {
	r, err := s.room(ctx, a.Site)
	if err != nil {
		return err
	}
	a.ID, a.At = strings.ToLower(rand.Text()[:16]), s.now().UTC()
	d := newDraft(r, a.At)
	record := prefixAct + a.ID
	k := d.drawKey(record)
	sealed, err := d.sealJSON(k.key, d.at(record, fieldSealed), a)
	if err != nil {
		return err
	}
	d.step(engine.Put(record, fieldKey, k.wrapped), engine.Put(record, fieldSealed, sealed), engine.Add(indexActs, a.ID, engine.At(a.At)))
	if _, err := d.commit(ctx); err != nil {
		return fmt.Errorf("store: the record of what was done: %w", err)
	}
	return nil
}

// Acts gives the acts of a site, the newest first.
func (s *Store) Acts(ctx context.Context, site string, after Cursor, n int) (Page[Act], error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return Page[Act]{}, err
	}
	ask := engine.Ask{Fields: []string{fieldKey, fieldSealed}, Page: &engine.Page{Index: indexActs, Record: prefixAct, Reverse: true, N: n}}
	return list(ctx, r, "acts", []engine.Ask{ask}, after, func(row engine.Row) (a Act, err error) {
		if row.Fields[fieldSealed] == nil {
			return a, fmt.Errorf("%w: act %s", ErrNotFound, row.Member)
		}
		return a, r.openRow(prefixAct+row.Member, row, &a)
	})
}
