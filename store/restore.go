package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/store/blob"
	"guichet/store/engine"
	"guichet/ticket"
)

// RestoreOptions say what is restored.
type RestoreOptions struct {
	// Dir holds the backup, Stamp is its name; "" is the newest.
	Dir, Stamp string
	// Ledgers are those of erased keys, beside the one of the store's own options
	// and the one in Dir.
	Ledgers []string
	// Send leaves mails due that were waiting when the backup was made. Otherwise
	// they are kept back: most have left since.
	Send     bool
	Progress Progress
}

// Restored is what a restoration did.
type Restored struct {
	// Data and Keys are the stamps of the backups that these were read from. Keys
	// is a later one where the data's own were deleted.
	Data, Keys string
	Made       time.Time
	// Copied is what was written, and read again.
	Copied
	// Ledgers are the ledgers that were heeded; LedgerUntil is their last entry.
	Ledgers     []string
	LedgerUntil time.Time
	// Forgotten are how many tickets of the data were not restored, because they
	// were erased since.
	Forgotten int
	Tickets   int
	Blobs     int
	// Mended are how many entries were put right: what was made while the backup
	// was.
	Mended int
	// Broken is what could not be read or put right.
	Broken []Difference
	// KeptBack is how many mails were put on hold.
	KeptBack int
}

// keyring holds wrapped keys by what they belong to, in about 120 bytes for each:
// there is one for each ticket.
type keyring struct {
	at    map[[16]byte]uint32 // where each begins
	bytes []byte
}

func (k *keyring) add(of keyName, wrapped []byte) {
	if k.at == nil {
		k.at = map[[16]byte]uint32{}
	}
	k.at[of.digest()] = uint32(len(k.bytes) / sealedBytes)
	var longest [sealedBytes]byte
	copy(longest[:], wrapped)
	k.bytes = append(k.bytes, longest[:]...)
}

// of gives a key, or nil.
func (k *keyring) of(name keyName) []byte {
	n, found := k.at[name.digest()]
	if !found {
		return nil
	}
	wrapped := k.bytes[int(n)*sealedBytes:]
	return wrapped[:wrappedLength(wrapped[0])]
}

func (n keyName) digest() [16]byte {
	h := sha256.Sum256([]byte(string(n.site) + "\x00" + n.record))
	return [16]byte(h[:])
}

// Restore writes a backup into a store that is empty, without what was erased
// since. Everything that is written is read again and compared, what an older
// program wrote is brought up to date, and every ticket is opened. Until it is
// complete, no daemon opens the store. The master key must be that of the backup.
func Restore(ctx context.Context, opt Options, from RestoreOptions) (r Restored, err error) {
	rs, err := beginRestore(ctx, opt, from)
	if err != nil {
		return r, fmt.Errorf("store: restore: %w", err)
	}
	defer func() { err = errors.Join(err, rs.close()) }()
	for _, step := range []func(context.Context) error{rs.claim, rs.write, rs.compare, rs.copyBlobs, rs.remember, rs.modernise, rs.mend, rs.forgetHeld, rs.holdMails, rs.release} {
		if err := step(ctx); err != nil {
			return rs.done, fmt.Errorf("store: restore: %w", err)
		}
	}
	return rs.done, nil
}

// restoring is a restoration under way.
type restoring struct {
	*Store
	from     RestoreOptions
	dir      *os.Root
	files    *blob.Dir // of the backup
	manifest Manifest
	keysOf   Manifest // of the backup whose keys are used
	erased   erased
	keys     keyring
	sums     struct{ fields, entries total }
	give     func(engine.Item) error // into the store, while it is filled
	done     Restored
	dropped  map[keyName]bool  // records that are not restored
	numbers  map[numbered]bool // of tickets that are not
	told     *course
}

// numbered is a ticket by its number.
type numbered struct {
	site   engine.Space
	number uint64
}

func beginRestore(ctx context.Context, opt Options, from RestoreOptions) (*restoring, error) {
	// Its files are verified and read twice, the store is written, compared and
	// mended; blobs come between.
	r := &restoring{from: from, dropped: map[keyName]bool{}, numbers: map[numbered]bool{}, told: newCourse(from.Progress, 1, 10, 3, 8, 3, 1, 12)}
	if err := r.open(ctx, opt); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

func (r *restoring) open(ctx context.Context, opt Options) (err error) {
	if r.dir, err = os.OpenRoot(r.from.Dir); err != nil {
		return err
	}
	if r.manifest, err = readManifest(r.dir, r.from.Stamp); err != nil {
		return err
	}
	if r.keysOf, err = keysFor(r.dir, r.manifest); err != nil {
		return err
	}
	if version := max(r.manifest.Schema, r.keysOf.Schema); version > schemaVersion {
		return fmt.Errorf("backup %s is of a newer guichet: its version is %d, this program knows %d", r.manifest.Stamp, version, schemaVersion)
	}
	if err := verify(r.dir, r.told.stage(), r.manifest.Data, r.manifest.Blobs, r.keysOf.Keys); err != nil {
		return err
	}
	if err := r.readLedgers(opt); err != nil {
		return err
	}
	if err := r.assemble(ctx, opt); err != nil {
		return err
	}
	if r.files, err = blob.Open(filepath.Join(r.from.Dir, backupDir)); err != nil {
		return err
	}
	r.done.Data, r.done.Keys, r.done.Made = r.manifest.Stamp, r.keysOf.Stamp, r.manifest.Begun
	return nil
}

// keysFor finds the keys of a backup: its own, or the next later ones.
func keysFor(dir *os.Root, m Manifest) (Manifest, error) {
	all, err := stamps(dir, backupKeys)
	if err != nil {
		return m, err
	}
	for _, stamp := range all {
		if stamp < m.Stamp {
			continue
		}
		if other, err := readManifest(dir, stamp); err == nil { // else it was not completed
			return other, nil
		}
	}
	return m, fmt.Errorf("the key file of backup %s was deleted, and there is none of a later backup: its data cannot be read by anybody", m.Stamp)
}

func (r *restoring) readLedgers(opt Options) error {
	paths := slices.Clone(r.from.Ledgers)
	for _, path := range []string{filepath.Join(r.from.Dir, backupLedger), ledgerOf(opt)} {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return errors.New("there is no ledger of erased keys: without it, what was erased since would be back; name one with --ledger")
	}
	var err error
	r.erased, err = readLedgers(paths...)
	r.done.Ledgers, r.done.LedgerUntil = paths, r.erased.last()
	return err
}

// assemble opens the store to restore into as it is, which no daemon would.
func (r *restoring) assemble(ctx context.Context, opt Options) error {
	path := masterFileOf(opt)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("the master key of the backup is needed first: %w", err)
	}
	m, err := readMaster(path)
	if err != nil {
		return err
	}
	if m.id != r.keysOf.MasterKey {
		return fmt.Errorf("its keys are wrapped under master key %s, and %s holds %s: put the one of then in its place", r.keysOf.MasterKey, path, m.id)
	}
	opt.Attach = false
	e, _, err := OpenEngine(ctx, opt)
	if err != nil {
		return err
	}
	v, err := newVault()
	if err != nil {
		return errors.Join(err, e.Close())
	}
	r.Store = newStore(e, m, v, opt)
	if r.blobs, err = blob.Open(cmp.Or(opt.Blobs, filepath.Join(opt.Data, "blobs"))); err != nil {
		return errors.Join(err, e.Close())
	}
	return nil
}

func (r *restoring) close() (err error) {
	if r.Store != nil && r.blobs != nil {
		err = r.Close()
	}
	if r.files != nil {
		err = errors.Join(err, r.files.Close())
	}
	if r.dir != nil {
		err = errors.Join(err, r.dir.Close())
	}
	return err
}

// claim marks the store, which must be empty.
func (r *restoring) claim(ctx context.Context) error {
	answers, err := r.engine.Read(ctx, global, engine.Ask{Record: recordMigrating, Fields: []string{fieldFrom}})
	if err != nil {
		return err
	}
	begun := len(answers[0].Rows[0].Fields) > 0
	for item, err := range r.engine.Scan(ctx) {
		switch {
		case err != nil:
			return err
		case mark(item): // nothing was written yet
		case begun:
			return errors.New("a restoration or a copy into this store was broken off; empty it and begin again")
		default:
			return errors.New("the store to restore into is not empty")
		}
	}
	if begun {
		return nil
	}
	_, err = r.engine.Commit(ctx, global, engine.Batch{
		Checks: []engine.Check{engine.Absent(recordMigrating, fieldFrom)},
		Steps:  []engine.Step{engine.Put(recordMigrating, fieldFrom, []byte("a backup"))},
	})
	return err
}

// readKeys reads the keys that may be restored.
func (r *restoring) readKeys(ctx context.Context) error {
	err := lines(r.dir, r.keysOf.Keys.Name, new(lineReading).read, func(line backupLine) error {
		key := keyName{line.Space, line.Record}
		switch {
		case line.Space == global, line.Record == recordInUse:
			return r.put(line.Item)
		case len(line.Value) == 0 || len(line.Value) != wrappedLength(line.Value[0]):
			return fmt.Errorf("the key of %s %s is damaged", line.Space, line.Record)
		case !r.erased.covers(key, r.keysOf.Begun):
			r.keys.add(key, line.Value)
		}
		return ctx.Err()
	})
	return err
}

// write writes the keys, the records that they open, and then the entries of indexes
// that name them: of what was erased, not even a random name comes near the
// store.
func (r *restoring) write(ctx context.Context) error {
	records, entries, written := r.told.stage(), r.told.stage(), r.told.stage()
	return fill(ctx, r.engine, func(give func(engine.Item) error) error {
		r.give = give
		if err := r.readKeys(ctx); err != nil {
			return err
		}
		if err := r.eachLine(ctx, records, r.records()); err != nil {
			return err
		}
		return r.eachLine(ctx, entries, func(line *backupLine) error {
			switch {
			case line == nil:
				return nil
			case line.Pack != "":
				return r.pack(line.Item)
			case line.Index != "":
				return r.entry(line.Item)
			}
			return nil
		})
	}, written)
}

// eachLine gives every line of the data, and nil after the last.
func (r *restoring) eachLine(ctx context.Context, tell Progress, give func(*backupLine) error) error {
	seen := tell.counting(r.manifest.Data.Lines)
	err := lines(r.dir, r.manifest.Data.Name, new(lineReading).read, func(line backupLine) error {
		seen()
		return cmp.Or(ctx.Err(), give(&line))
	})
	return cmp.Or(err, give(nil))
}

// records gathers the fields of each record and writes it.
func (r *restoring) records() func(*backupLine) error {
	var record []backupLine
	return func(line *backupLine) error {
		if line != nil && (line.Index != "" || line.Pack != "") {
			return nil
		}
		if line == nil || len(record) > 0 && (line.Record != record[0].Record || line.Space != record[0].Space) {
			if err := r.record(record); err != nil {
				return err
			}
			record = record[:0]
		}
		if line != nil {
			record = append(record, *line)
		}
		return nil
	}
}

// record writes a record, unless what it is sealed under, or leads to, is gone.
func (r *restoring) record(fields []backupLine) error {
	if len(fields) == 0 {
		return nil
	}
	is := keyName{fields[0].Space, fields[0].Record}
	if (posting{record: is.record}).shared() {
		return r.postings(fields)
	}
	owner, sealed := is, false
	for _, f := range fields {
		switch f.Name {
		case fieldTicket:
			owner, sealed = keyName{is.site, prefixTicket + string(f.Value)}, true
		case fieldOf:
			owner, sealed = keyName{is.site, prefixProfile + string(f.Value)}, true
		case fieldSealed, fieldShelf:
			sealed = true
		}
	}
	aTicket := strings.HasPrefix(is.record, prefixTicket)
	if sealed && r.keys.of(owner) == nil {
		r.drop(is, fields)
		return nil
	}
	if aTicket {
		r.done.Tickets++
	}
	if wrapped := r.keys.of(is); wrapped != nil {
		fields = append(fields, backupLine{Item: engine.Item{Space: is.site, Record: is.record, Name: fieldKey, Value: wrapped}, Expires: fields[0].Expires})
	}
	for _, f := range fields {
		if f.Expires != nil {
			if f.Left = f.Expires.Sub(r.now()); f.Left <= 0 {
				return nil
			}
		}
		if err := r.put(f.Item); err != nil {
			return err
		}
	}
	return nil
}

// drop leaves out a record, and of a ticket also what leads to its number.
func (r *restoring) drop(is keyName, fields []backupLine) {
	r.dropped[is] = true
	if !strings.HasPrefix(is.record, prefixTicket) {
		return
	}
	r.done.Forgotten++
	for _, f := range fields {
		if f.Name == fieldNumber {
			n, _ := strconv.ParseUint(string(f.Value), 10, 64) // to what is none, no words lead
			r.numbers[numbered{is.site, n}] = true
		}
	}
}

// postings writes those of a shared record that lead to tickets which are restored.
func (r *restoring) postings(fields []backupLine) error {
	for _, f := range fields {
		if r.keys.of(keyName{f.Space, prefixTicket + string(f.Value)}) == nil {
			continue
		}
		if err := r.put(f.Item); err != nil {
			return err
		}
	}
	return nil
}

// entry writes an entry of an index, unless it names a record that is gone.
func (r *restoring) entry(item engine.Item) error {
	if record, _, _ := claimant(item); r.dropped[keyName{item.Space, record}] {
		return nil
	}
	return r.put(item)
}

// pack gives a pack to the store, without what leads to tickets that are gone.
func (r *restoring) pack(item engine.Item) error {
	p, ok := parsePack(item.Pack)
	if !ok {
		return fmt.Errorf("%q is no pack", item.Pack)
	}
	numbers := slices.DeleteFunc(engine.PackNumbers(item.Value, 0, math.MaxUint32), func(n uint32) bool {
		return r.numbers[numbered{item.Space, lead{p, n}.ticket()}]
	})
	if len(numbers) == 0 {
		return nil
	}
	item.Value = engine.PackBytes(numbers)
	return r.put(item)
}

// put gives an item to the store, and counts it.
func (r *restoring) put(item engine.Item) error {
	switch {
	case item.Index != "", item.Pack != "":
		r.sums.entries.add(item)
	case item.Left == 0:
		r.sums.fields.add(item)
	}
	return r.give(item)
}

// compare reads everything again.
func (r *restoring) compare(ctx context.Context) error {
	got, err := survey(ctx, r.engine, r.manifest.Data.Lines, r.told.stage())
	if err != nil {
		return err
	}
	want := copiedOf(r.sums.fields, r.sums.entries, 0)
	if got.Digest != want.Digest || got.Fields != want.Fields || got.Entries != want.Entries {
		return fmt.Errorf("what was written is not what can be read: %d fields and %d entries of %d and %d", got.Fields, got.Entries, want.Fields, want.Entries)
	}
	r.done.Copied = got
	return nil
}

// copyBlobs puts the large contents back of what was restored.
func (r *restoring) copyBlobs(ctx context.Context) error {
	seen := r.told.stage().counting(r.manifest.Blobs.Lines)
	return lines(r.dir, r.manifest.Blobs.Name, asJSON, func(b blobLine) error {
		seen()
		site, record, _, _, ok := parseFileName(b.Name)
		if !ok || r.keys.of(keyName{engine.Space(site), record}) == nil {
			return ctx.Err()
		}
		r.done.Blobs++
		if size, there := r.blobs.Size(b.Name); there && size == b.Size {
			return nil // the directory of blobs has outlived the store
		}
		f, _, err := r.files.OpenSealed(b.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", b.Name, err)
		}
		defer f.Close()
		checked := &checking{r: f, sum: sha256.New(), want: b}
		return r.blobs.PutSealed(ctx, b.Name, checked)
	})
}

// checking reads a content, and ends in an error when it was not the right one.
type checking struct {
	r    io.Reader
	sum  hash.Hash
	want blobLine
}

func (c *checking) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.sum.Write(p[:n])
	if errors.Is(err, io.EOF) && hex.EncodeToString(c.sum.Sum(nil)) != c.want.SHA256 {
		return n, fmt.Errorf("%s is damaged", c.want.Name)
	}
	return n, err
}

// remember adds to the store's own ledger what the others say.
func (r *restoring) remember(context.Context) error { return r.ledger.merge(r.erased) }

// modernise brings what an older program wrote up to date.
func (r *restoring) modernise(ctx context.Context) error {
	from, err := versionIn(ctx, r.engine)
	switch {
	case err != nil:
		return err
	case from == 0:
		return errors.New("the backup says nothing of its version")
	case from > schemaVersion:
		return errNewer(from)
	}
	return r.upgrade(ctx, from)
}

// mend puts right what was made while the backup was, and opens everything.
func (r *restoring) mend(ctx context.Context) error {
	return r.Reindex(ctx, false, r.told.stage(), func(d Difference) error {
		if d.Mended {
			r.done.Mended++
		} else {
			r.done.Broken = append(r.done.Broken, d)
		}
		return nil
	})
}

// forgetHeld throws away held mail that was erased since and lies under the key
// of a ticket that is somebody else's.
func (r *restoring) forgetHeld(ctx context.Context) error {
	rooms, err := r.writtenSites(ctx)
	if err != nil {
		return err
	}
	for _, in := range rooms {
		for key := range r.erased {
			id, is := strings.CutPrefix(key.record, prefixHeld)
			if key.site != in.space || !is {
				continue
			}
			h, _, err := in.readHeld(ctx, id)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if err == nil {
				err = in.eraseHeld(ctx, h)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// holdMails keeps back what was about to leave, also what a worker had taken.
func (r *restoring) holdMails(ctx context.Context) error {
	rooms, err := r.writtenSites(ctx)
	if r.from.Send {
		return err
	}
	for _, in := range rooms {
		for from, more := Cursor(""), true; more && err == nil; more = from != "" {
			from, err = r.holdSome(ctx, in, from)
		}
	}
	return err
}

// heldAtOnce is how many mails one commit keeps back.
const heldAtOnce = 500

// holdSome keeps a page of mails back, and gives where the next one begins. One that
// does not open was told of, and nobody can send it.
func (r *restoring) holdSome(ctx context.Context, in room, from Cursor) (next Cursor, err error) {
	d, held := newDraft(in, r.now()), 0
	page, err := list(ctx, in, "the outbox", []engine.Ask{{Fields: noticeFields, Follow: toTicketKey, Page: &engine.Page{Index: indexDue, Record: prefixNotice, N: heldAtOnce}}},
		from, func(row engine.Row) (none struct{}, err error) {
			was, k, p, err := in.openDelivery(row.Entry, row)
			if errors.Is(err, ErrSealed) {
				return none, nil
			}
			if err != nil {
				return none, err
			}
			held++
			p.State, p.Due = ticket.OnHold, 0
			return none, d.moveTo(was.Notice, k, p, engine.At(r.now()))
		})
	if err != nil || held == 0 {
		return page.Next, err
	}
	r.done.KeptBack += held
	_, err = d.commit(ctx)
	return page.Next, err
}

// release lets daemons open the store.
func (r *restoring) release(ctx context.Context) error {
	r.told.end()
	_, err := r.engine.Commit(ctx, global, engine.Batch{Steps: []engine.Step{engine.Drop(recordMigrating)}})
	return err
}
