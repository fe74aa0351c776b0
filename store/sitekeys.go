package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// siteKeys are a site's own, as this daemon knows them.
type siteKeys struct {
	// wrap is the key under which the site's other keys are wrapped. rest, while
	// they are wrapped anew, is the one that some of them lie under still.
	wrap key
	rest *key
	// looks are the keys of digests, one upon the other: the first is that of the
	// beginning, and each that follows renames what the one before it named.
	looks []namer
	// use is what the store says of them.
	use inUse
}

// inUse says which keys of a site are in use. It lies in the space of the site, so
// that what is read is of the same moment, and a commit can be held to it: nobody
// writes with a key that was replaced in the same moment.
type inUse struct {
	// wrap is the id of the site's key, or nil where that was never changed.
	wrap []byte
	// look is how often the look-up keys were renewed, or nil; while that goes on
	// it begins with renewing.
	look []byte
}

// renewing begins what a site says of its look-up keys while its digests are
// renamed.
const renewing = ">"

func (u inUse) looksRenewed() (times int, underWay bool, err error) {
	if u.look == nil {
		return 0, false, nil
	}
	number, underWay := strings.CutPrefix(string(u.look), renewing)
	times, err = strconv.Atoi(number)
	return times, underWay, err
}

// checkWrap holds a batch to the key that wraps, checkLook to those of digests.
func (u inUse) checkWrap() engine.Check {
	return engine.Check{Record: recordInUse, Field: fieldWrap, Want: u.wrap}
}

func (u inUse) checkLook() engine.Check {
	return engine.Check{Record: recordInUse, Field: fieldLook, Want: u.look}
}

// idOf tells site keys apart, and nothing about them.
func idOf(k key) []byte {
	return []byte(hex.EncodeToString(derive(k, "guichet site key id"))[:16])
}

// unwrap opens a key that lies under either of the site's.
func (k siteKeys) unwrap(at place, wrapped []byte) (key, error) {
	opened, err := unwrap(k.wrap, at, wrapped)
	if err != nil && k.rest != nil {
		return unwrap(*k.rest, at, wrapped)
	}
	return opened, err
}

// digest is the name of a thing in the site. Blobs have random names, so their
// digests tell nothing and are never renamed.
func (k siteKeys) digest(of kind, parts ...string) digest {
	d := k.looks[0].digest(of, parts...)
	if of == kindBlob {
		return d
	}
	return k.renamed(d)
}

// renamed is what a digest, of whatever age, is called now.
func (k siteKeys) renamed(d digest) digest {
	for n := d.age() + 1; n < len(k.looks); n++ {
		bare, _, _ := strings.Cut(string(d), ageMark)
		d = k.looks[n].digest(kindDigest, bare) + digest(ageMark+strconv.Itoa(n))
	}
	return d
}

// ageMark stands in a digest before how often it was renamed.
const ageMark = "."

// age is how often a digest was renamed.
func (d digest) age() int {
	_, age, renamed := strings.Cut(string(d), ageMark)
	if !renamed {
		return 0
	}
	n, _ := strconv.Atoi(age) // written by renamed
	return n
}

// everNamed gives all names that a thing had in the site, the first first.
func (k siteKeys) everNamed(of kind, parts ...string) []digest {
	var names []digest
	for n := range k.looks {
		names = append(names, siteKeys{looks: k.looks[:n+1]}.digest(of, parts...))
	}
	return names
}

// site gives a site's keys, and makes them for a new one.
func (s *secrets) site(ctx context.Context, site string) (siteKeys, error) {
	s.mu.Lock()
	keys, found := s.sites[site]
	s.mu.Unlock()
	if _, underWay, _ := keys.use.looksRenewed(); found && !underWay {
		return keys, nil
	}
	return s.reload(ctx, site)
}

// reload reads a site's keys again.
func (s *secrets) reload(ctx context.Context, site string) (siteKeys, error) {
	keys, err := s.loadSite(ctx, site)
	if errors.Is(err, ErrSealed) && s.refreshMaster(ctx) == nil {
		keys, err = s.loadSite(ctx, site)
	}
	if err != nil {
		return siteKeys{}, fmt.Errorf("store: keys of site %s: %w", site, err)
	}
	s.mu.Lock()
	s.sites[site] = keys
	s.mu.Unlock()
	return keys, nil
}

// loadSite reads first which keys are in use, and then the keys: one that comes
// into use between the two is there by then, and what was read is too old to be
// written with.
func (s *secrets) loadSite(ctx context.Context, site string) (keys siteKeys, err error) {
	answers, err := s.engine.Read(ctx, engine.Space(site), engine.Ask{Record: recordInUse, Fields: []string{fieldWrap, fieldLook}})
	if err != nil {
		return keys, err
	}
	said := answers[0].Rows[0].Fields
	keys.use = inUse{wrap: said[fieldWrap], look: said[fieldLook]}
	renewed, _, err := keys.use.looksRenewed()
	if err != nil {
		return keys, fmt.Errorf("how often its look-up keys were renewed: %w", err)
	}
	fields := []string{fieldSiteKey(site), fieldNextSiteKey(site)}
	for n := range renewed + 1 {
		fields = append(fields, fieldLookKey(site, n))
	}
	if answers, err = s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: fields}); err != nil {
		return keys, err
	}
	held := answers[0].Rows[0].Fields
	if held[fields[0]] == nil {
		return s.createSite(ctx, site)
	}
	if err := s.wrapsOf(&keys, site, held); err != nil {
		return keys, err
	}
	for _, field := range fields[2:] {
		look, err := s.unwrapGlobal(field, held[field])
		if err != nil {
			return keys, err
		}
		keys.looks = append(keys.looks, newNamer(look))
	}
	return keys, nil
}

// wrapsOf reads the keys that wrap: the next one does so as soon as the site says.
func (s *secrets) wrapsOf(keys *siteKeys, site string, held map[string][]byte) (err error) {
	field, next := fieldSiteKey(site), fieldNextSiteKey(site)
	if keys.wrap, err = s.unwrapGlobal(field, held[field]); err != nil || held[next] == nil {
		return err
	}
	coming, err := s.unwrapGlobal(next, held[next])
	keys.rest = &coming
	if string(keys.use.wrap) == string(idOf(coming)) {
		before := keys.wrap
		keys.wrap, keys.rest = coming, &before
	}
	return err
}

func (s *secrets) createSite(ctx context.Context, site string) (siteKeys, error) {
	if err := broughtTo(ctx, s.engine, engine.Space(site), schemaVersion); err != nil {
		return siteKeys{}, err
	}
	look := newKey()
	keys := siteKeys{wrap: newKey(), looks: []namer{newNamer(look)}}
	lookField := fieldLookKey(site, 0)
	_, err := s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Absent(recordKeys, fieldSiteKey(site)),
			// While the master key is being changed, nothing more is wrapped under
			// the old one.
			engine.Equal(recordKeys, fieldMaster, []byte(s.master.Load().id)),
			notSuperseded,
		},
		Steps: []engine.Step{
			engine.Put(recordKeys, fieldSiteKey(site), s.wrapGlobal(fieldSiteKey(site), keys.wrap)),
			engine.Put(recordKeys, lookField, s.wrapGlobal(lookField, look)),
		},
	})
	switch c, _ := errors.AsType[*engine.Conflict](err); {
	case c != nil && c.Check == 0:
		return s.loadSite(ctx, site)
	case c != nil && c.Check == 2:
		return siteKeys{}, ErrSuperseded
	}
	return keys, err
}

// unwrap opens a key of the room. One that does not open may have been wrapped
// anew since the site's were read.
func (r room) unwrap(at place, wrapped []byte) (key, error) {
	k, err := r.keys.unwrap(at, wrapped)
	if err == nil {
		return k, nil
	}
	fresh, renewErr := r.renew()
	if renewErr != nil {
		return k, renewErr
	}
	return fresh.unwrap(at, wrapped)
}

// unwrapTicket opens the key of a ticket as the store holds it, and remembers it.
func (r room) unwrapTicket(id ticket.ID, wrapped []byte) (wrappedKey, error) {
	at := ticketAt{r.Name, id}
	if known, found := r.secrets.remembered(at); found && string(known.wrapped) == string(wrapped) {
		return known, nil
	}
	k, err := r.unwrap(r.at(recordTicket(id), fieldKey), wrapped)
	if err != nil {
		return wrappedKey{}, err
	}
	w := wrappedKey{k, wrapped}
	r.secrets.remember(at, w)
	return w, nil
}

// ticketKeyOf gives the key of a ticket that exists.
func (r room) ticketKeyOf(ctx context.Context, id ticket.ID) (wrappedKey, error) {
	if known, found := r.secrets.remembered(ticketAt{r.Name, id}); found {
		return known, nil
	}
	wrapped, err := r.wrappedOf(ctx, recordTicket(id))
	if err != nil {
		return wrappedKey{}, err
	}
	return r.unwrapTicket(id, wrapped)
}

// ownKey gives the key that a notice or held mail without a ticket has of its own.
func (r room) ownKey(ctx context.Context, record string) (key, error) {
	wrapped, err := r.wrappedOf(ctx, record)
	if err != nil {
		return key{}, err
	}
	return r.unwrap(r.at(record, fieldKey), wrapped)
}

func (r room) wrappedOf(ctx context.Context, record string) ([]byte, error) {
	answers, err := r.read(ctx, "a key", engine.Ask{Record: record, Fields: []string{fieldKey}})
	if err != nil {
		return nil, err
	}
	wrapped := answers[0].Rows[0].Fields[fieldKey]
	if wrapped == nil {
		return nil, ErrNotFound
	}
	return wrapped, nil
}
