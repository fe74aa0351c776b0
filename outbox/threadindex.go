package outbox

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"guichet/ticket"
)

// threadIndex is the field by which Outlook and Exchange order a conversation
// ([MS-OXOMSG] §2.2.1.3): 22 bytes that all its mails share, made of the time
// of the first and a number that stands for the ticket, then 5 for this mail.
func threadIndex(id ticket.ID, opened, at time.Time) string {
	const ticks = 100 * time.Nanosecond
	// FILETIME counts from 1601.
	filetime := uint64(opened.Unix()+11644473600)*uint64(time.Second/ticks) + uint64(opened.Nanosecond()/100)
	var b [27]byte
	var stamp [8]byte
	binary.BigEndian.PutUint64(stamp[:], filetime)
	copy(b[:6], stamp[:6])
	// The id itself stands in reply tokens; here its digest does as well.
	sum := sha256.Sum256(append([]byte("thread-index "), id[:]...))
	copy(b[6:22], sum[:16])

	delta := uint64(max(0, at.Sub(opened)) / ticks)
	coded := uint32(delta>>18) & 0x7fffffff
	if delta>>49 != 0 { // more than 1.7 years
		coded = uint32(delta>>23)&0x7fffffff | 0x80000000
	}
	binary.BigEndian.PutUint32(b[22:26], coded)
	return base64.StdEncoding.EncodeToString(b[:])
}
