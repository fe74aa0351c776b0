package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"guichet/store/blob"
	"guichet/store/engine"
	"guichet/ticket"
)

const (
	// inlineBytes is how much of a content, as it is kept, travels inside the commit
	// at most: one durability, no second sync.
	inlineBytes = 16 << 10
	// wholeBytes is the largest content that is packed in memory, to see how much
	// of it there is to keep. Larger ones stream.
	wholeBytes = 256 << 10
	// writtenAtOnce bounds how many further contents of one change are packed and
	// written at the same time.
	writtenAtOnce = 4
)

// ErrBlobGone is what a blob gives that retention has removed, or that never was.
var ErrBlobGone = blob.ErrGone

// A blob's field holds one byte that says where it is, and then the sealed
// content itself, or the mark and the size of a file.
const (
	blobInline = 'i'
	blobFile   = 'f'
)

// fileName is where a blob is that does not travel inline. The mark keeps apart
// two attempts to write it, of which one is never committed.
func fileName(site, record string, blobField, mark string) string {
	return site + "/" + shard(record, mark) + "/" + strings.Replace(record, ":", "-", 1) + "." + strings.TrimPrefix(blobField, prefixBlobField) + "." + mark
}

// parseFileName reads the name of a file back, as fileName wrote it.
func parseFileName(name string) (site, record, blobField, mark string, ok bool) {
	site, _, _ = strings.Cut(name, "/")
	parts := strings.Split(path.Base(name), ".")
	if len(parts) != 3 || !strings.Contains(parts[0], "-") {
		return "", "", "", "", false
	}
	return site, strings.Replace(parts[0], "-", ":", 1), prefixBlobField + parts[1], parts[2], true
}

// shard spreads files over directories. Ids begin with their second: in one lie those
// of 36 hours. Earlier ones were random all through, and then marks were shorter.
func shard(record, mark string) string {
	id, n := record[strings.IndexByte(record, ':')+1:], 3
	if len(mark) == earlierMark {
		n = 2
	}
	return id[:min(n, len(id))]
}

const earlierMark = 16

// keeping is a content, and the field that it is for.
type keeping struct {
	record, field string
	blob          ticket.Blob
}

// putBlobs keeps the contents that the change's articles and held mails name,
// several at a time: those that go to files wait for the disk.
func (d *draft) putBlobs(ctx context.Context, c *ticket.Change, blobs []ticket.Blob) error {
	all := d.keepings(c, blobs)
	values := make([][]byte, len(all))
	put := func(i int) (err error) {
		values[i], err = d.putBlob(ctx, all[i])
		return err
	}
	var others errgroup.Group
	others.SetLimit(writtenAtOnce)
	for i := 1; i < len(all); i++ {
		others.Go(func() error { return put(i) })
	}
	var err error
	if len(all) > 0 {
		err = put(0) // mostly the only one
	}
	if err := errors.Join(err, others.Wait()); err != nil {
		return fmt.Errorf("store: keeping a blob: %w", err)
	}
	for i, k := range all {
		d.step(engine.Put(k.record, k.field, values[i]))
	}
	return nil
}

// keepings are the contents that a change brings, one for each that names it.
// Those that it names and does not bring, the record has already.
func (d *draft) keepings(c *ticket.Change, blobs []ticket.Blob) (all []keeping) {
	byID := map[ticket.BlobID]ticket.Blob{}
	for _, b := range blobs {
		byID[b.ID] = b
	}
	named := func(record string, ids []ticket.BlobID) {
		for _, id := range ids {
			if b, brought := byID[id]; brought {
				all = append(all, keeping{record, fieldBlob(d.digest(kindBlob, string(id))), b})
			}
		}
	}
	for _, tc := range c.Tickets {
		for _, a := range tc.Articles {
			named(recordTicket(tc.Ticket.ID), blobsOf(a.Raw, a.Attachments))
		}
	}
	for _, h := range c.Held {
		named(blobOwner(h), blobsOf(h.Raw, h.Attachments))
	}
	return all
}

func blobsOf(raw ticket.BlobID, attachments []ticket.Attachment) []ticket.BlobID {
	var ids []ticket.BlobID
	if raw != "" {
		ids = append(ids, raw)
	}
	for _, a := range attachments {
		if a.Blob != "" && !slices.Contains(ids, a.Blob) {
			ids = append(ids, a.Blob)
		}
	}
	return ids
}

// blobOwner is the record that has the blobs of held mail: the ticket into which
// it would go, or itself.
func blobOwner(h ticket.Held) string {
	if h.Ticket.IsZero() {
		return recordHeld(h.ID)
	}
	return recordTicket(h.Ticket)
}

// putBlob keeps a content, and gives what its field is to hold.
func (d *draft) putBlob(ctx context.Context, k keeping) ([]byte, error) {
	if k.blob.Size <= wholeBytes {
		content := contents.Get().(*bytes.Buffer)
		defer contents.Put(content)
		content.Reset()
		content.Grow(int(max(0, k.blob.Size)) + bytes.MinRead)
		if _, err := content.ReadFrom(io.LimitReader(k.blob.Open(), wholeBytes+1)); err != nil {
			return nil, err
		}
		if content.Len() <= wholeBytes {
			return d.putWhole(k, content.Bytes())
		}
	}
	under, at, mark := d.keys[k.record].key, d.at(k.record, k.field), blob.NewMark()
	size, err := d.blobs.Put(ctx, fileName(d.Name, k.record, k.field, mark), under, at.bind(blobFile), k.blob.Open())
	if err != nil {
		return nil, err
	}
	return inFile(mark, size), nil
}

// putWhole is putBlob for a content that is wholly in memory.
func (d *draft) putWhole(k keeping, content []byte) ([]byte, error) {
	under, at := d.keys[k.record].key, d.at(k.record, k.field)
	if len(content) <= inlineBytes {
		return append([]byte{blobInline}, d.vault.seal(under, at, content)...), nil
	}
	packed := d.vault.scratch.Get().(*[]byte)
	defer d.vault.scratch.Put(packed)
	*packed = d.vault.pack.EncodeAll(content, (*packed)[:0])
	if len(*packed) <= inlineBytes {
		return append([]byte{blobInline}, sealed(under, at, sealedPacked, *packed)...), nil
	}
	mark := blob.NewMark()
	if err := d.blobs.PutPacked(fileName(d.Name, k.record, k.field, mark), under, at.bind(blobFile), *packed); err != nil {
		return nil, err
	}
	return inFile(mark, int64(len(content))), nil
}

// contents are what contents lie in while they are packed.
var contents = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func inFile(mark string, size int64) []byte { return fmt.Appendf(nil, "%c%s %d", blobFile, mark, size) }

// filed reads a blob's field that names a file.
func filed(value []byte) (mark string, size int64, ok bool) {
	if len(value) == 0 || value[0] != blobFile {
		return "", 0, false
	}
	mark, rest, _ := strings.Cut(string(value[1:]), " ")
	size, err := strconv.ParseInt(rest, 10, 64)
	return mark, size, err == nil
}

// OpenBlob opens a raw message or an attachment of a ticket. It gives
// ErrBlobGone when retention has removed it.
func (s *Store) OpenBlob(ctx context.Context, site string, id ticket.ID, b ticket.BlobID) (io.ReadCloser, error) {
	r, err := s.room(ctx, site)
	if err != nil {
		return nil, err
	}
	return r.openBlob(ctx, recordTicket(id), b)
}

// OpenHeldBlob opens a raw message or an attachment of held mail.
func (s *Store) OpenHeldBlob(ctx context.Context, h *ticket.Held, b ticket.BlobID) (io.ReadCloser, error) {
	r, err := s.room(ctx, h.Site)
	if err != nil {
		return nil, err
	}
	return r.openBlob(ctx, blobOwner(*h), b)
}

func (r room) openBlob(ctx context.Context, record string, b ticket.BlobID) (io.ReadCloser, error) {
	field := fieldBlob(r.digest(kindBlob, string(b)))
	answers, err := r.read(ctx, "a blob", engine.Ask{Record: record, Fields: []string{fieldKey, field}})
	if err != nil {
		return nil, err
	}
	fields := answers[0].Rows[0].Fields
	value := fields[field]
	if len(value) == 0 {
		return nil, ErrBlobGone
	}
	k, err := r.unwrap(r.at(record, fieldKey), fields[fieldKey])
	if err != nil {
		return nil, err
	}
	if mark, size, ok := filed(value); ok {
		return r.blobs.Get(fileName(r.Name, record, field, mark), k, r.at(record, field).bind(blobFile), size)
	}
	content, err := r.vault.open(k, r.at(record, field), value[1:])
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// removeFiles removes files that nothing names any more. What fails is left to
// the sweep of orphans.
func (s *Store) removeFiles(names []string) {
	for _, name := range names {
		if err := s.blobs.Remove(name); err != nil {
			s.log.Warn("a blob is left for the sweep of orphans", "error", err)
		}
	}
}

// lazy reads a stored blob once somebody asks for its content.
type lazy struct {
	open    func() (io.ReadCloser, error)
	content io.ReadCloser
	err     error
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.content == nil && l.err == nil {
		l.content, l.err = l.open()
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.content.Read(p)
	if err != nil {
		l.err = errors.Join(err, l.content.Close())
		if errors.Is(err, io.EOF) {
			l.err = io.EOF
		}
	}
	return n, l.err
}
