package store

import (
	"hash/crc32"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// posting leads from a name to its ticket: the digest of a Message-ID or of a
// tracking code, or the number of a reference. It is a field of a record that it
// shares with others, since a record of its own takes three times as much of Redis.
type posting struct{ record, field string }

const (
	// sharedByDigests is how many records the postings of a site's digests spread
	// over, and sharedNumbers how many numbers in a row share one. A record of up to
	// 512 fields Redis packs, and searches from its beginning. So neither is to be
	// too full, which costs time, nor too empty, which costs memory: a site of
	// 20,000 tickets has some four digests in each, one of a million 200.
	//
	// Both are for ever: another figure is a new schema.
	sharedByDigests = 1 << 14
	sharedNumbers   = 64
)

// postingOf is where a digest leads from.
func postingOf(d digest) posting {
	n := crc32.ChecksumIEEE([]byte(d)) % sharedByDigests
	return posting{prefixByDigest + strconv.Itoa(int(n)), string(d)}
}

// postingOfNumber is where a number leads from. engine.PutAt writes it, for a number
// that is drawn.
func postingOfNumber(n uint64) posting {
	return posting{prefixByNumber + strconv.FormatUint(n/sharedNumbers, 10), strconv.FormatUint(n, 10)}
}

func (r room) messagePosting(id string) posting    { return postingOf(r.digest(kindMessage, id)) }
func (r room) trackingPosting(code string) posting { return postingOf(r.digest(kindTracking, code)) }

// shared reports whether what is named like a posting is one.
func (p posting) shared() bool {
	return strings.HasPrefix(p.record, prefixByDigest) || strings.HasPrefix(p.record, prefixByNumber)
}

func (p posting) put(id ticket.ID) engine.Step {
	return engine.Put(p.record, p.field, []byte(id.String()))
}

// putFirst leaves a posting that is there as it is.
func (p posting) putFirst(id ticket.ID) engine.Step {
	return engine.PutAbsent(p.record, p.field, []byte(id.String()))
}

func (p posting) drop() engine.Step    { return engine.Delete(p.record, p.field) }
func (p posting) absent() engine.Check { return engine.Absent(p.record, p.field) }

// ask asks which ticket a posting reaches, and for fields of that.
func (p posting) ask(fields ...string) engine.Ask {
	return engine.Ask{Record: p.record, Follow: &engine.Follow{Field: p.field, Record: prefixTicket, Fields: fields}}
}
