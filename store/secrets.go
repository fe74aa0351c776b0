package store

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"guichet/store/engine"
	"guichet/ticket"
)

func aead(k key) cipher.AEAD {
	a, err := chacha20poly1305.NewX(k[:])
	if err != nil {
		panic("store: " + err.Error()) // only for keys of another length
	}
	return a
}

// tokenKeys is how many token keys there can be: a token has four bits for it.
const tokenKeys = 16

// secrets holds what is unwrapped of the keys in the store.
type secrets struct {
	engine engine.Engine
	// master is read from file; it is exchanged when that is, after a rekey.
	master atomic.Pointer[master]
	file   string

	mu    sync.Mutex
	sites map[string]siteKeys
	// tickets remembers the keys of tickets lately seen.
	tickets map[ticketAt]wrappedKey
}

type ticketAt struct {
	site string
	id   ticket.ID
}

// wrappedKey is a key beside its wrapped form: a commit that seals under it
// checks that the store still holds that.
type wrappedKey struct {
	key
	wrapped []byte
}

func newSecrets(e engine.Engine, m master) *secrets {
	s := &secrets{engine: e, sites: map[string]siteKeys{}, tickets: map[ticketAt]wrappedKey{}}
	s.master.Store(&m)
	return s
}

// begin reads what the store says of itself, and writes it into an empty one. It
// gives the version that the store is of.
func (s *secrets) begin(ctx context.Context) (version int, err error) {
	answers, err := s.engine.Read(ctx, global,
		engine.Ask{Record: recordSchema, Fields: []string{fieldSchemaVersion}},
		engine.Ask{Record: recordKeys, Fields: []string{fieldMaster}},
		engine.Ask{Record: recordMigrating, Fields: []string{fieldFrom}})
	if err != nil {
		return 0, fmt.Errorf("store: reading its version: %w", err)
	}
	schema := answers[0].Rows[0].Fields[fieldSchemaVersion]
	held := answers[1].Rows[0].Fields[fieldMaster]
	switch {
	case len(answers[2].Rows[0].Fields) > 0:
		return 0, errors.New("store: another store or a backup is being copied into this one, or the copying was broken off; run guichet migrate again, or empty the store and restore the backup again")
	case schema == nil && held == nil:
		return s.found(ctx)
	case string(held) != s.master.Load().id:
		return 0, fmt.Errorf("store: its keys are wrapped under master key %s, the key file holds %s", held, s.master.Load().id)
	}
	if version, err = versionOfStore(schema); err == nil && version > schemaVersion {
		err = errNewer(version)
	}
	return version, err
}

// found makes an empty store ours. When another daemon was faster, what it
// wrote counts.
func (s *secrets) found(ctx context.Context) (version int, err error) {
	token := newKey()
	_, err = s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{engine.Absent(recordKeys, fieldMaster)},
		Steps: []engine.Step{
			engine.Put(recordSchema, fieldSchemaVersion, []byte(strconv.Itoa(schemaVersion))),
			engine.Put(recordKeys, fieldMaster, []byte(s.master.Load().id)),
			engine.Put(recordKeys, fieldToken, []byte("0")),
			engine.Put(recordKeys, fieldTokenKey(0), s.wrapGlobal(fieldTokenKey(0), token)),
			engine.Put(recordKeys, fieldPepper, s.wrapGlobal(fieldPepper, newKey())),
		},
	})
	if errors.Is(err, engine.ErrConflict) {
		return s.begin(ctx)
	}
	if err != nil {
		return 0, fmt.Errorf("store: founding it: %w", err)
	}
	return schemaVersion, nil
}

func (s *secrets) wrapGlobal(field string, k key) []byte {
	return wrap(s.master.Load().wrap, place{string(global), recordKeys, field}, k)
}

func (s *secrets) unwrapGlobal(field string, wrapped []byte) (key, error) {
	return unwrap(s.master.Load().wrap, place{string(global), recordKeys, field}, wrapped)
}

// signer reads the token keys. The newest signs once every daemon knows it.
func (s *secrets) signer(ctx context.Context, now time.Time) (*ticket.Signer, error) {
	fields := []string{fieldToken, fieldTokenFrom}
	for n := range tokenKeys {
		fields = append(fields, fieldTokenKey(n))
	}
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: fields})
	if err != nil {
		return nil, fmt.Errorf("store: reading token keys: %w", err)
	}
	held := answers[0].Rows[0].Fields
	newest, err := strconv.ParseUint(string(held[fieldToken]), 10, 4)
	if err != nil {
		return nil, fmt.Errorf("store: number of the token key: %w", err)
	}
	if now.Before(usedFrom(held[fieldTokenFrom])) {
		newest = (newest + tokenKeys - 1) % tokenKeys // the one before it
	}
	keys := map[byte][]byte{}
	for field, wrapped := range held {
		number, found := strings.CutPrefix(field, fieldToken+":")
		if !found {
			continue
		}
		n, _ := strconv.ParseUint(number, 10, 4)
		k, err := s.unwrapGlobal(field, wrapped)
		if err != nil {
			return nil, err
		}
		keys[byte(n)] = k[:]
	}
	return ticket.NewSigner(byte(newest), keys)
}

// pepper reads the keys that codes are digested with, and makes the first in a
// store that is older than codes.
func (s *secrets) pepper(ctx context.Context, now time.Time) (*ticket.Pepper, error) {
	fields := []string{fieldPepper, fieldPepperBefore, fieldPepperFrom}
	answers, err := s.engine.Read(ctx, global, engine.Ask{Record: recordKeys, Fields: fields})
	if err != nil {
		return nil, fmt.Errorf("store: reading the key of codes: %w", err)
	}
	held := answers[0].Rows[0].Fields
	if held[fieldPepper] == nil {
		return s.createPepper(ctx, now)
	}
	newest, err := s.unwrapGlobal(fieldPepper, held[fieldPepper])
	if err != nil || held[fieldPepperBefore] == nil {
		return ticket.NewPepper(newest[:]), err
	}
	before, err := s.unwrapGlobal(fieldPepperBefore, held[fieldPepperBefore])
	if now.Before(usedFrom(held[fieldPepperFrom])) {
		newest, before = before, newest
	}
	return ticket.NewPepper(newest[:], before[:]), err
}

func (s *secrets) createPepper(ctx context.Context, now time.Time) (*ticket.Pepper, error) {
	k := newKey()
	_, err := s.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{
			engine.Absent(recordKeys, fieldPepper),
			engine.Equal(recordKeys, fieldMaster, []byte(s.master.Load().id)),
		},
		Steps: []engine.Step{engine.Put(recordKeys, fieldPepper, s.wrapGlobal(fieldPepper, k))},
	})
	if c, ok := errors.AsType[*engine.Conflict](err); ok && c.Check == 0 {
		return s.pepper(ctx, now) // another daemon was faster
	}
	if err != nil {
		return nil, fmt.Errorf("store: making the key of codes: %w", err)
	}
	return ticket.NewPepper(k[:]), nil
}

// maxTicketKeys bounds the memory that remembered keys take: some 10 MB.
const maxTicketKeys = 50_000

func (s *secrets) remembered(at ticketAt) (wrappedKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, found := s.tickets[at]
	return known, found
}

func (s *secrets) remember(at ticketAt, w wrappedKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tickets) >= maxTicketKeys {
		clear(s.tickets) // they are read again with the next records
	}
	s.tickets[at] = w
}

// forget drops the key of an erased ticket.
func (s *secrets) forget(site string, id ticket.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tickets, ticketAt{site, id})
}
