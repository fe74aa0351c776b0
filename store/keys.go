package store

import (
	"hash/fnv"
	"strconv"

	"guichet/store/engine"
	"guichet/ticket"
)

// This file names everything that the store keeps. docs/redis.md shows it filled
// in. All of a site lies in the space of its name; what is in clear there are
// random ids, numbers, states, times, queue names and keyed digests.

// The spaces beside those of the sites.
const global engine.Space = "*"

// hintShards is how many volatile spaces share the hints.
const hintShards = 8

func hintSpace(site string) engine.Space {
	h := fnv.New32a()
	h.Write([]byte(site))
	return engine.Volatile(int(h.Sum32() % hintShards))
}

// In the global space.
const (
	recordSchema       = "schema" // fieldSchemaVersion
	recordKeys         = "keys"   // fieldMaster, fieldToken, fieldPepper, and those below
	fieldSchemaVersion = "version"
	fieldMaster        = "master" // id of the master key that wraps the others
	fieldToken         = "token"  // number of the newest token key
	fieldPepper        = "pepper" // of validation codes, the newest
	// Until then, in Unix seconds, the keys before the newest are used.
	fieldTokenFrom    = "token-from"
	fieldPepperFrom   = "pepper-from"
	fieldPepperBefore = "pepper-before"
	// recordMigrating stands in a store while another is copied into it.
	recordMigrating = "migrating" // fieldFrom
	fieldFrom       = "from"
)

// A site's own recordSchema has one for each version that it was brought to.
func fieldBroughtTo(version int) string { return fieldSchemaVersion + ":" + strconv.Itoa(version) }

func fieldSiteKey(site string) string     { return prefixSiteKey + site }
func fieldNextSiteKey(site string) string { return "site-next:" + site }

// fieldLookKey is the nth key of a site's digests.
func fieldLookKey(site string, n int) string {
	if n == 0 {
		return "look:" + site
	}
	return "look-" + strconv.Itoa(n) + ":" + site
}

func fieldTokenKey(n int) string     { return "token:" + strconv.Itoa(n) }
func recordChore(name string) string { return "chore:" + name } // fieldBy; expires

const (
	prefixSiteKey = "site:"
	fieldBy       = "by"
)

// In a volatile space: members are sites, scores when they next have work.
const (
	indexHintOutbox = "outbox"
	indexHintTimers = "timers"
)

// Records of a site.
func recordTicket(id ticket.ID) string    { return prefixTicket + id.String() }
func recordNotice(id string) string       { return prefixNotice + id }
func recordHeld(id string) string         { return prefixHeld + id }
func recordChallenge(id ticket.ID) string { return prefixChallenge + id.String() } // expires
func recordEnrolled(d digest) string      { return prefixEnrolled + string(d) }    // fieldKey, fieldSealed, fieldSight
func recordProfile(d digest) string       { return prefixProfile + string(d) }
func recordAlias(d digest) string         { return prefixAlias + string(d) }
func recordSpammer(d digest) string       { return prefixSpam + string(d) }      // fieldSpam; expires
func recordSeen(d digest) string          { return prefixSeen + string(d) }      // fieldSeen, and the engine's; expires
func recordOperation(d digest) string     { return prefixOperation + string(d) } // the engine's; expires
func recordTaken(notice string) string    { return "taken:" + notice }           // the engine's; expires
func recordCount(d digest) string         { return prefixCount + string(d) }     // the engine's; expires

// recordInUse says in a site's space which of its keys are in use: see inUse.
const (
	recordInUse = "in-use"
	fieldWrap   = "wrap"
	fieldLook   = "look"
)

// recordShelved says how far a site's closed tickets were put on shelves.
const (
	recordShelved = "shelved"
	fieldUntil    = "until" // score of the last
)

const (
	prefixTicket    = "ticket:"
	prefixNotice    = "notice:"
	prefixHeld      = "held:"
	prefixChallenge = "challenge:"
	prefixEnrolled  = "enrolled:"
	prefixProfile   = "agent:" // fieldKey, fieldSealed, fieldVersion
	prefixAlias     = "alias:" // fieldOf: the digest that names a profile
	fieldOf         = "of"
	recordCanned    = "canned" // fieldKey, fieldSealed, fieldVersion
	prefixAct       = "act:"   // fieldKey, fieldSealed
	prefixSpam      = "spam:"
	prefixSeen      = "seen:"
	prefixOperation = "operation:"
	prefixCount     = "count:"
	prefixByDigest  = "by-digest:" // of postings
	prefixByNumber  = "by-number:" // of postings
	recordNumbers   = "numbers"    // fieldTickets: the last number drawn
	fieldTickets    = "tickets"
	fieldSeen       = "seen" // seenDone, or the name of the held mail that it was kept as
	seenDone        = "1"
	fieldSight      = "sight" // there while they see the whole site
	fieldSpam       = "spam"  // spamProved or spamUnproved
)

// Fields of tickets, notices, held mail and challenges. What is sealed lies under the key
// that fieldKey wraps, of the record itself or of the ticket that fieldTicket
// names.
const (
	fieldKey      = "key"      // the record's own random key, wrapped under the site's
	fieldTicket   = "ticket"   // id of the ticket that it belongs to
	fieldVersion  = "version"  // counts the commits to the record
	fieldNumber   = "number"   // of a ticket: of its reference
	fieldSealed   = "sealed"   // the ticket, notice, held mail or challenge itself
	fieldDelivery = "delivery" // of a notice: where it stands, sealed
	fieldTracked  = "tracking" // of a ticket: digest of its tracking code
	// fieldLegalHold is there while nothing of a ticket may be erased.
	fieldLegalHold = "legal-hold"
	// The indexes in which a ticket stands.
	fieldInState = "in-state"
	fieldInOwn   = "in-own"
	fieldInQueue = "in-queue" // held mail too
	// The index in which a notice stands.
	fieldInOutbox = "in-outbox"
	// What a ticket is found by: see foundBy.
	fieldFoundBy = "found-by"
	// The file in which long fields of a ticket lie: see KeepShelved. It is one of its
	// blobs.
	fieldShelf = prefixBlobField + "shelf"
)

// Fields of a ticket by the thing that they name; those without a content of
// their own are what erasing follows.
const (
	prefixArticleField = "article:"
	prefixBlobField    = "blob:" // also of held mail without a ticket
	prefixMessageField = "message:"
	prefixNoticeField  = "notice:"
	prefixHeldField    = "held:"
	// Held mail that was filed into the ticket: older backups have it as it was.
	prefixWasHeldField   = "was-held:"
	prefixChallengeField = "challenge:"
)

func fieldArticle(number int) string     { return prefixArticleField + strconv.Itoa(number) }
func fieldBlob(d digest) string          { return prefixBlobField + string(d) }
func fieldMessage(d digest) string       { return prefixMessageField + string(d) }
func fieldNotice(id string) string       { return prefixNoticeField + id }
func fieldHeld(id string) string         { return prefixHeldField + id }
func fieldWasHeld(id string) string      { return prefixWasHeldField + id }
func fieldChallenge(id ticket.ID) string { return prefixChallengeField + id.String() }

// Indexes of a site.
const (
	indexHeld   = "held"          // held mail by when it came
	indexTimers = "timers"        // timers by when they are due
	indexActs   = "acts"          // acts of administrators by when they were done
	indexDue    = "outbox:due"    // notices by when they are tried next, or their lease ends
	indexOnHold = "outbox:hold"   // notices by when they were kept back
	indexFailed = "outbox:failed" // notices by when they were given up
	// Tickets that changed since their search indexes and packs were written, by when.
	indexUnindexed = "unindexed"
)

// indexState and indexQueue hold tickets by when they changed.
func indexState(s ticket.State) string               { return prefixTickets + string(s) }
func indexQueue(s ticket.State, queue string) string { return prefixTickets + string(s) + ":" + queue }

// indexHeldIn holds the held mail of a queue that waits for its agents, and
// indexAside the rest of it, by when it came.
func indexHeldIn(queue string) string { return prefixHeldIn + queue }
func indexAside(queue string) string  { return prefixAside + queue }

// indexOwn holds the tickets of a requester, by the digest of their address and
// when they were opened.
func indexOwn(d digest) string { return prefixOwn + string(d) }

// indexSearch holds the tickets that have a term, by the term's order.
func indexSearch(d digest) string { return prefixSearch + string(d) }

const (
	prefixTickets = "tickets:"
	prefixSearch  = "search:"
	prefixWords   = "words:" // of packs: see pack
	prefixOwn     = "own:"
	prefixHeldIn  = "held-in:"
	prefixAside   = "held-aside:"
	prefixOutbox  = "outbox:"
)

// outboxIndex is where the notices of a state stand; "" for those that are over
// and stand nowhere.
func outboxIndex(s ticket.DeliveryState) string {
	switch s {
	case ticket.Queued:
		return indexDue
	case ticket.OnHold:
		return indexOnHold
	case ticket.Failed:
		return indexFailed
	}
	return ""
}
