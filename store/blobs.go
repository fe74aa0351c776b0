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

	"guichet/store/blob"
	"guichet/store/engine"
	"guichet/ticket"
)

// inlineBytes is the largest content that travels inside the commit: one
// durability, no second sync.
const inlineBytes = 16 << 10

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
	return site + "/" + shard(record) + "/" + strings.Replace(record, ":", "-", 1) + "." + strings.TrimPrefix(blobField, prefixBlobField) + "." + mark
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

// shard spreads files over directories.
func shard(record string) string {
	id := record[strings.IndexByte(record, ':')+1:]
	return id[:min(2, len(id))]
}

// putBlobs keeps the contents that the change's articles and held mails name.
func (d *draft) putBlobs(ctx context.Context, c *ticket.Change, blobs []ticket.Blob) error {
	byID := map[ticket.BlobID]ticket.Blob{}
	for _, b := range blobs {
		byID[b.ID] = b
	}
	for _, tc := range c.Tickets {
		for _, a := range tc.Articles {
			if err := d.putNamed(ctx, recordTicket(tc.Ticket.ID), blobsOf(a.Raw, a.Attachments), byID); err != nil {
				return err
			}
		}
	}
	for _, h := range c.Held {
		if err := d.putNamed(ctx, blobOwner(h), blobsOf(h.Raw, h.Attachments), byID); err != nil {
			return err
		}
	}
	return nil
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

func (d *draft) putNamed(ctx context.Context, record string, ids []ticket.BlobID, byID map[ticket.BlobID]ticket.Blob) error {
	for _, id := range ids {
		b, brought := byID[id]
		if !brought {
			continue // the record has it already
		}
		field := fieldBlob(d.digest(kindBlob, string(id)))
		value, err := d.putBlob(ctx, record, field, b)
		if err != nil {
			return fmt.Errorf("store: keeping a blob: %w", err)
		}
		d.step(engine.Put(record, field, value))
	}
	return nil
}

func (d *draft) putBlob(ctx context.Context, record, field string, b ticket.Blob) ([]byte, error) {
	k := d.keys[record].key
	if b.Size <= inlineBytes {
		content := bytes.NewBuffer(make([]byte, 0, max(0, b.Size)+bytes.MinRead))
		if _, err := content.ReadFrom(io.LimitReader(b.Open(), inlineBytes+1)); err != nil {
			return nil, err
		}
		if content.Len() <= inlineBytes {
			return append([]byte{blobInline}, d.vault.seal(k, d.at(record, field), content.Bytes())...), nil
		}
	}
	mark := blob.NewMark()
	size, err := d.blobs.Put(ctx, fileName(d.Name, record, field, mark), k, d.at(record, field).bind(blobFile), b.Open())
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%c%s %d", blobFile, mark, size), nil
}

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
