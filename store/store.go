// Package store keeps tickets. This upper layer knows all that is about them:
// what is read, what is written, how it is sealed and found again. It exists
// once; beneath it an engine (package engine) is the database.
//
// Everything personal is sealed before an engine sees it: under a random key of
// its ticket, which is wrapped under a key of its site, which is wrapped under
// the master key, a file outside the store. What must be found by its value
// (Message-IDs, tracking codes, the counters of brakes) is found by a keyed
// digest.
//
// Where to look:
//
//   - store.go, open.go, measure.go, version.go, together.go: an open store, and what all calls of it share
//   - keys.go, posting.go: the name of every record, field and index
//   - commit.go, facts.go: a change is written; what a decision asks is answered
//   - held.go, challenges.go, people.go, profile.go, canned.go, spam.go: what a change holds besides tickets
//   - blobs.go: contents, within the commit or in package blob
//   - outbox.go, material.go, redirect.go: mails that are owed are leased, read for their words, moved by hand
//   - timers.go, wake.go, retention.go, maintain.go: what falls due by itself
//   - hints.go: which sites have such work
//   - shelf.go: texts of tickets that rest, in files
//   - tickets.go, list.go, morning.go, report.go: tickets are read, listed, counted
//   - search.go, words.go, wordsearch.go, worklist.go: how tickets are found
//   - seal.go, value.go, short.go, secrets.go, sitekeys.go, master.go: sealing, and its keys
//   - rotate.go, rekey*.go, rewrap.go, lookups.go: a key of each kind is replaced
//   - erase.go, person.go, ledger.go, acts.go: what is gone for good, and the record of that
//   - backup*.go, restore.go, migrate.go, fill.go, progress.go: all of a store, copied
//   - reindex*.go: indexes and counters are held to the records
//   - control.go, inspect.go: what tools ask of a daemon, and of a Redis
//   - upgrade.go: a store of an older program
package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"guichet/store/blob"
	"guichet/store/engine"
	"guichet/store/engine/bolt"
	"guichet/ticket"
)

// Options say where a store is and whom it serves.
type Options struct {
	// Redis is the URL of a Redis or Valkey; "" is the embedded store.
	Redis string
	// Replicas is how many replicas a commit waits for; negative is as many as
	// Redis has when the store is opened.
	Replicas int
	// Local trusts this Redis alone and waits for no replica.
	Local bool
	// Data is the directory of the embedded store, the control socket and, by
	// default, the master key, the ledger and blobs.
	Data string
	// Blobs is the directory of large contents; "" is blobs in Data.
	Blobs string
	// MasterKey is the file of the master key; "" is master.key in Data. It is made
	// with the store.
	MasterKey string
	// Ledger is the file that names the keys that were erased; "" is erased.ledger
	// in Data. Daemons may share one.
	Ledger string
	// Backups is the directory in which a daemon deletes key files that are older
	// than KeepBackupKeys; "" or 0 is none.
	Backups        string
	KeepBackupKeys time.Duration
	// Attach lets a command-line tool use an embedded store that a daemon has
	// open, through the daemon's control socket. It makes no master key.
	Attach bool
	Sites  []Site
	// Now is the clock of this daemon and of the embedded store. Redis has its
	// own; RedisNow takes its place in tests.
	Now, RedisNow func() time.Time
	Logger        *slog.Logger
	// Called is told of the engine's calls, or nil.
	Called Called
}

// Site is what the store needs to know of a tenant.
type Site struct {
	Name   string
	Prefix string // of references
	// KeepClosed is how long a ticket is kept after it was closed, and held mail
	// after it came; KeepRaw how long mails are kept as they came;
	// KeepUnconfirmed how long a request is that its sender was asked to confirm.
	// 0 is for ever.
	KeepClosed, KeepRaw, KeepUnconfirmed time.Duration
}

// Store is an open store. Its methods may be called at the same time.
type Store struct {
	engine     engine.Engine
	secrets    *secrets
	vault      *vault
	blobs      *blob.Dir
	ledger     ledger
	signer     *ticket.Signer
	pepper     *ticket.Pepper
	sites      atomic.Pointer[map[string]Site]
	shards     atomic.Pointer[[]engine.Space] // where hints of these lie
	now        func() time.Time
	log        *slog.Logger
	noticesDue chan struct{}
	teller     *teller
	// settling and reading are what workers of the outbox do together.
	settling *together[settlement, struct{}]
	reading  *together[ticket.Notice, ticket.Material]
	waker    atomic.Pointer[Waker]
	// commits counts those that changed something; alarm rings when a timer is due
	// before the next look.
	commits atomic.Int64
	alarm   chan struct{}
	// superseded is set when a newer program has upgraded the store.
	superseded atomic.Bool
	behind     *behind
	// healed is when hints were last healed from here, in Unix seconds.
	healed atomic.Int64
	// keyed is when this daemon last looked for new keys, in Unix seconds.
	keyed atomic.Int64
	// asked is when this daemon last asked for the daily chores, in Unix seconds.
	asked atomic.Int64
	// bell is the control socket of the daemon beside which a tool uses a Redis;
	// made is set once it made a mail due.
	bell     string
	made     atomic.Bool
	data     string
	backups  string
	keepKeys time.Duration // of backups
	warnings []string
	closing  sync.Once
}

var (
	// ErrNotFound is what looking up by a name gives when there is no such thing.
	ErrNotFound = errors.New("store: not found")
	// ErrLeaseLost is what Settle gives to a worker that took so long that
	// another has the notice, or whose notice was erased.
	ErrLeaseLost = ticket.ErrLeaseLost
)

// Open opens a store, or founds it where there is none; one that an older program
// wrote is brought up to date first, unless it is a tool that asks. It fails on a
// store that a newer program wrote, and on one that is sealed under another master
// key.
func Open(ctx context.Context, opt Options) (*Store, error) {
	e, warnings, err := OpenEngine(ctx, opt)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, measure(e, opt.Called), opt)
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	s.warnings = warnings
	return s, nil
}

func open(ctx context.Context, e engine.Engine, opt Options) (*Store, error) {
	file := masterFileOf(opt)
	m, err := masterOf(ctx, e, file, opt.Attach)
	if err != nil {
		return nil, err
	}
	v, err := newVault()
	if err != nil {
		return nil, err
	}
	s := newStore(e, m, v, opt)
	s.secrets.file = file
	version, err := s.secrets.begin(ctx)
	if err != nil {
		return nil, err
	}
	if opt.Attach && version < schemaVersion {
		return nil, errOlder(version) // the daemon may be of the older program still
	}
	if s.signer, err = s.secrets.signer(ctx, s.now()); err != nil {
		return nil, err
	}
	if s.pepper, err = s.secrets.pepper(ctx, s.now()); err != nil {
		return nil, err
	}
	if s.blobs, err = blob.Open(cmp.Or(opt.Blobs, filepath.Join(opt.Data, "blobs"))); err != nil {
		return nil, err
	}
	if err := s.upgrade(ctx, version); err != nil {
		return nil, err
	}
	if s.embedded() && !opt.Attach {
		err = s.freeLeases(ctx)
	}
	return s, err
}

func newStore(e engine.Engine, m master, v *vault, opt Options) *Store {
	s := &Store{
		engine: e, secrets: newSecrets(e, m), vault: v, ledger: ledger{ledgerOf(opt)},
		now: opt.Now, log: opt.Logger, data: opt.Data, backups: opt.Backups, keepKeys: opt.KeepBackupKeys,
		noticesDue: make(chan struct{}, 1), alarm: make(chan struct{}, 1), teller: newTeller(), behind: newBehind(),
	}
	s.settling, s.reading = newTogether(s.settleTogether), newTogether(s.materials)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if opt.Attach && opt.Redis != "" {
		s.bell = controlPath(opt.Data)
	}
	s.SetSites(opt.Sites)
	return s
}

// embedded reports whether the store lies in files of its own.
func (s *Store) embedded() bool {
	_, is := bare(s.engine).(*bolt.Engine)
	return is
}

// Close lets go of the store. What is under way ends first.
func (s *Store) Close() (err error) {
	s.closing.Do(func() {
		s.hinted()
		s.wakeDaemon()
		err = errors.Join(s.engine.Close(), s.blobs.Close())
	})
	return err
}

// Warnings are what the settings in force can lose, in plain words.
func (s *Store) Warnings() []string { return s.warnings }

// SetSites names the sites anew, as when settings are read again. What is under
// way goes on with those that it began with.
func (s *Store) SetSites(sites []Site) {
	byName := make(map[string]Site, len(sites))
	var shards []engine.Space
	for _, site := range sites {
		byName[site.Name] = site
		if shard := hintSpace(site.Name); !slices.Contains(shards, shard) {
			shards = append(shards, shard)
		}
	}
	s.sites.Store(&byName)
	s.shards.Store(&shards)
}

// Signer makes and proves tokens with the keys that all daemons of this store
// share.
func (s *Store) Signer() *ticket.Signer { return s.signer }

// Pepper is what validation codes are digested with, the same for all daemons
// of this store.
func (s *Store) Pepper() *ticket.Pepper { return s.pepper }

// NoticesDue is told, at most once until it is read, when a commit here has made a
// notice that is due.
func (s *Store) NoticesDue() <-chan struct{} { return s.noticesDue }

func (s *Store) wakeWorkers() {
	s.made.Store(true)
	select {
	case s.noticesDue <- struct{}{}:
	default:
	}
}

// room is a site opened for one call.
type room struct {
	*Store
	Site
	keys  siteKeys
	space engine.Space
	// renew gives the site's keys as they are by now.
	renew func() (siteKeys, error)
}

func (s *Store) room(ctx context.Context, site string) (room, error) {
	if s.superseded.Load() {
		return room{}, ErrSuperseded
	}
	known, found := (*s.sites.Load())[site]
	if !found {
		return room{}, fmt.Errorf("%w: site %q", ErrNotFound, site)
	}
	return s.roomOf(ctx, known)
}

func (s *Store) roomOf(ctx context.Context, site Site) (room, error) {
	keys, err := s.secrets.site(ctx, site.Name)
	if err != nil {
		return room{}, err
	}
	if _, underWay, _ := keys.use.looksRenewed(); underWay {
		return room{}, fmt.Errorf("%w (site %s)", ErrRenewing, site.Name)
	}
	return s.roomWith(ctx, site, keys), nil
}

func (s *Store) roomWith(ctx context.Context, site Site, keys siteKeys) room {
	return room{Store: s, Site: site, keys: keys, space: engine.Space(site.Name),
		renew: func() (siteKeys, error) { return s.secrets.reload(ctx, site.Name) }}
}

func (r room) digest(of kind, parts ...string) digest { return r.keys.digest(of, parts...) }

func (r room) at(record, field string) place { return place{r.Name, record, field} }

// read is the engine's Read in the room's space, its error wrapped. It gives
// errRenamed when what was asked for has another name since the site's keys were
// read; then they are read again.
func (r room) read(ctx context.Context, what string, asks ...engine.Ask) ([]engine.Answer, error) {
	answers, err := r.engine.Read(ctx, r.space, append(asks[:len(asks):len(asks)], askLook)...)
	if err != nil {
		return nil, fmt.Errorf("store: reading %s: %w", what, err)
	}
	use := answers[len(asks)].Rows[0].Fields
	if answers = answers[:len(asks)]; string(use[fieldLook]) != string(r.keys.use.look) {
		if _, err := r.renew(); err != nil || slices.ContainsFunc(asks, byDigest) {
			return nil, errors.Join(fmt.Errorf("store: reading %s: %w", what, errRenamed), err)
		}
	}
	// The engine gives a followed record once; here each row has it.
	followed := map[string]map[string][]byte{}
	for _, a := range answers {
		for i := range a.Rows {
			row := &a.Rows[i]
			if row.Followed != nil {
				followed[row.Reached] = row.Followed
			}
			row.Followed = followed[row.Reached]
		}
	}
	if err := r.takeDown(ctx, asks, answers); err != nil {
		return nil, fmt.Errorf("store: reading %s: %w", what, err)
	}
	return answers, nil
}

// commit is the engine's Commit in the room's space, its error wrapped; a
// conflict is a ticket.ErrConflict, also where what the batch names has another
// name since the site's keys were read.
func (r room) commit(ctx context.Context, what string, b engine.Batch) (engine.Committed, error) {
	own := len(b.Checks)
	b.Checks = append(b.Checks[:own:own], notSuperseded, r.keys.use.checkLook())
	done, err := r.engine.Commit(ctx, r.space, b)
	switch c, _ := errors.AsType[*engine.Conflict](err); {
	case c != nil && c.Check == own:
		return done, r.supersede()
	case c != nil && c.Check == own+1:
		_, renewErr := r.renew()
		err = errors.Join(err, renewErr)
	}
	if errors.Is(err, engine.ErrConflict) {
		return done, fmt.Errorf("store: %s: %w: %w", what, ticket.ErrConflict, err)
	}
	if err != nil {
		return done, fmt.Errorf("store: %s: %w", what, err)
	}
	return done, nil
}
