package bolt

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A journal is a file that holds what an overlay holds, in the order in which it
// was written, so that a commit has to wait for one small write to the disk only.
//
//	head:    magic, generation (8 bytes), marker (8 bytes), length of names (2),
//	         names of the buckets, checksum (4); zeros up to headSize
//	record:  marker, length of the changes (4), checksum (4) of length and
//	         changes, changes; one a group of writes
//	change:  number of the bucket (1), length of the key, key, length of the
//	         value + 1, or 0 for a deletion, value; lengths are uvarints
//
// The marker is made by chance for each use of the file: nothing that was in it
// before, or that a record carries, is mistaken for a record. What is behind the
// last record are zeros, written beforehand: the file then neither grows nor gets
// new blocks with each record, and one takes half the time to reach the disk.
type journal struct {
	path string
	file *os.File // nil until it is needed
	// generation sorts the journals of a store.
	generation uint64
	marker     [markerSize]byte
	// end is where the next record comes, 0 in a journal that is empty. What is
	// behind used, up to size, are zeros.
	end, used, size int64
	// doubt is where a record ends that begins at end and is perhaps on the disk and
	// perhaps not, or 0. The next record takes its place; before another journal
	// begins, it has to be taken back.
	doubt int64
}

const (
	magic      = "guichet journal\x00"
	markerSize = 8
	headSize   = 512 // one sector: it is on the disk whole or not at all
	recordHead = markerSize + 4 + 4
	// ahead is how much is filled with zeros at a time.
	ahead = 1 << 20
)

var (
	sums  = crc32.MakeTable(crc32.Castagnoli)
	zeros = make([]byte, ahead)
)

// record is what a group of writes changes, as the journal keeps it. Its head is
// filled in when it is appended.
type record struct{ bytes []byte }

func newRecord() *record { return &record{make([]byte, recordHead, 64<<10)} }

func (r *record) reset() {
	if cap(r.bytes) > 1<<20 {
		*r = *newRecord()
	}
	r.bytes = r.bytes[:recordHead]
}

func (r *record) empty() bool { return len(r.bytes) == recordHead }

func (r *record) put(bucket int, key, value []byte) {
	r.key(bucket, key)
	r.bytes = append(binary.AppendUvarint(r.bytes, uint64(len(value))+1), value...)
}

func (r *record) delete(bucket int, key []byte) {
	r.key(bucket, key)
	r.bytes = append(r.bytes, 0)
}

func (r *record) key(bucket int, key []byte) {
	r.bytes = append(r.bytes, byte(bucket))
	r.bytes = append(binary.AppendUvarint(r.bytes, uint64(len(key))), key...)
}

// append writes a record and returns when it is on the disk. When it fails, the
// journal is as it was, or the record is in doubt.
func (j *journal) append(r *record) error {
	begin := j.end
	if begin == 0 {
		if err := j.begin(); err != nil {
			return err
		}
		begin = headSize
	}
	end := begin + int64(len(r.bytes))
	if end > j.size {
		if _, err := j.file.WriteAt(zeros, end); err != nil {
			return err
		}
		j.size = end + ahead
	}
	j.used = max(j.used, end)
	j.stamp(r)
	if _, err := j.file.WriteAt(r.bytes, begin); err != nil {
		return err
	}
	if err := datasync(j.file); err != nil {
		j.doubt = max(j.doubt, end)
		return unreliable(err)
	}
	j.end, j.doubt = end, 0
	return nil
}

// heal takes a record back that is in doubt: what a later journal holds was made
// without it, and would be read after it.
func (j *journal) heal() error {
	if j.doubt == 0 {
		return nil
	}
	for from := j.end; from < j.doubt; from += ahead {
		if _, err := j.file.WriteAt(zeros[:min(ahead, j.doubt-from)], from); err != nil {
			return unreliable(err)
		}
	}
	if err := datasync(j.file); err != nil {
		return unreliable(err)
	}
	j.doubt = 0
	return nil
}

func unreliable(err error) error { return fmt.Errorf("the journal cannot be relied on: %w", err) }

// stamp fills in the head of a record.
func (j *journal) stamp(r *record) {
	copy(r.bytes, j.marker[:])
	binary.BigEndian.PutUint32(r.bytes[markerSize:], uint32(len(r.bytes)-recordHead))
	binary.BigEndian.PutUint32(r.bytes[markerSize+4:], sumOf(r.bytes))
}

// sumOf is the checksum of a whole record.
func sumOf(b []byte) uint32 {
	sum := crc32.Checksum(b[markerSize:markerSize+4], sums)
	return crc32.Update(sum, sums, b[recordHead:])
}

// begin writes the head. It reaches the disk with the first record.
func (j *journal) begin() error {
	if j.file == nil {
		file, err := os.OpenFile(j.path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(j.path)); err != nil {
			return errors.Join(err, file.Close())
		}
		j.file = file
	}
	if _, err := rand.Read(j.marker[:]); err != nil {
		return err
	}
	head := append(make([]byte, 0, headSize), magic...)
	head = binary.BigEndian.AppendUint64(head, j.generation)
	head = append(head, j.marker[:]...)
	names := strings.Join(buckets, " ")
	head = binary.BigEndian.AppendUint16(head, uint16(len(names)))
	head = append(head, names...)
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum(head, sums))
	_, err := j.file.WriteAt(head[:headSize], 0)
	return err
}

// wipe fills the journal with zeros. The head goes first: records that lack one
// in their middle would look damaged.
func (j *journal) wipe() error {
	for from, n := int64(0), int64(headSize); from < j.used; from, n = from+n, ahead {
		if _, err := j.file.WriteAt(zeros[:min(n, j.used-from)], from); err != nil {
			return err
		}
		if err := datasync(j.file); err != nil {
			return err
		}
	}
	j.end, j.used, j.doubt = 0, 0, 0
	return nil
}

// remove deletes the file.
func (j *journal) remove() error {
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Close(), os.Remove(j.path))
	j.file, j.end, j.used, j.size = nil, 0, 0, 0
	return err
}

// release closes the file and leaves what is in it.
func (j *journal) release() error {
	if j.file == nil {
		return nil
	}
	return j.file.Close()
}

// read opens a journal that may have been left by another process, and gives what
// it holds. A record that did not reach the disk whole is the last one, and was
// never promised to anybody.
func (j *journal) read() (*overlay, error) {
	file, err := os.OpenFile(j.path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return newOverlay(), nil
	}
	if err != nil {
		return nil, err
	}
	j.file = file
	content, err := os.ReadFile(j.path)
	if err != nil {
		return nil, err
	}
	j.used, j.size = int64(len(content)), int64(len(content))
	o, err := j.replay(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", j.path, err)
	}
	// What a killed daemon wrote, and made, can be read before it is on the disk.
	return o, errors.Join(datasync(file), syncDir(filepath.Dir(j.path)))
}

func (j *journal) replay(content []byte) (*overlay, error) {
	o := newOverlay()
	if len(content) < headSize || bytes.Equal(content[:headSize], zeros[:headSize]) {
		return o, nil
	}
	numbers, err := j.readHead(content[:headSize])
	if err != nil {
		return nil, err
	}
	rest := content[headSize:]
	for {
		n := j.recordSize(rest)
		if n == 0 {
			break
		}
		if err := apply(o, numbers, rest[recordHead:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	good := len(content) - len(rest)
	if at := j.nextRecord(rest); at >= 0 {
		return nil, fmt.Errorf("damaged at byte %d, with whole records from byte %d on", good, good+at)
	}
	if good > headSize {
		j.end = int64(good)
	}
	return o, nil
}

// readHead gives our number of each bucket that the journal names.
func (j *journal) readHead(head []byte) (numbers []int, err error) {
	const names = len(magic) + 8 + markerSize + 2
	n := int(binary.BigEndian.Uint16(head[names-2:]))
	if !bytes.HasPrefix(head, []byte(magic)) || names+n+4 > len(head) ||
		crc32.Checksum(head[:names+n], sums) != binary.BigEndian.Uint32(head[names+n:]) {
		return nil, errors.New("the head is damaged")
	}
	j.generation = binary.BigEndian.Uint64(head[len(magic):])
	copy(j.marker[:], head[len(magic)+8:])
	for _, name := range strings.Fields(string(head[names : names+n])) {
		number := slices.Index(buckets, name)
		if number < 0 {
			return nil, fmt.Errorf("written by another guichet, which has to be started once more and stopped: it has %q", name)
		}
		numbers = append(numbers, number)
	}
	return numbers, nil
}

// recordSize is the size of the whole record with which b begins, 0 when there
// is none.
func (j *journal) recordSize(b []byte) int {
	if len(b) < recordHead || !bytes.HasPrefix(b, j.marker[:]) {
		return 0
	}
	n := recordHead + int(binary.BigEndian.Uint32(b[markerSize:]))
	if n > len(b) || sumOf(b[:n]) != binary.BigEndian.Uint32(b[markerSize+4:]) {
		return 0
	}
	return n
}

// nextRecord is where the next whole record is, or -1.
func (j *journal) nextRecord(b []byte) int {
	for at := 0; ; at++ {
		found := bytes.Index(b[at:], j.marker[:])
		if found < 0 {
			return -1
		}
		if at += found; j.recordSize(b[at:]) > 0 {
			return at
		}
	}
}

var errChange = errors.New("a record cannot be read")

// apply does the changes of a record.
func apply(o *overlay, numbers []int, changes []byte) error {
	for len(changes) > 0 {
		bucket := int(changes[0])
		key, rest, ok := cut(changes[1:], 0)
		if !ok || bucket >= len(numbers) || len(rest) == 0 {
			return errChange
		}
		if rest[0] == 0 {
			changes = rest[1:]
			o.mark(numbers[bucket], key)
			continue
		}
		var value []byte
		if value, changes, ok = cut(rest, 1); !ok {
			return errChange
		}
		o.put(numbers[bucket], key, value)
	}
	return nil
}

// cut takes a part off b that begins with its length and something more.
func cut(b []byte, more uint64) (part, rest []byte, ok bool) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n < more || n-more > uint64(len(b)-used) {
		return nil, nil, false
	}
	end := used + int(n-more)
	return b[used:end:end], b[end:], true
}

// syncDir makes durable which files a directory has.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
