// Package engine is the lower layer of the store: what it needs of a database,
// and no more. An engine knows nothing of tickets and nothing of keys; all that
// it is given to keep is sealed already.
//
// What an engine keeps lies in spaces that share nothing and are never changed
// together: one a site, and a few of the installation's own. In a space there
// are records (a key with named fields, each some bytes), indexes (members sorted
// by score) and packs (sets of numbers). Names hold no NUL byte; records, indexes
// and packs have different keys.
package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"guichet/ticket"
)

// Engine is one database. All methods may be called at the same time.
//
// Errors are wrapped and mean: nothing is known to have been done, try again.
// ErrConflict alone is an answer.
type Engine interface {
	// Read answers all asks from one moment, in one round trip.
	Read(ctx context.Context, space Space, asks ...Ask) ([]Answer, error)
	// Commit does all of a batch or nothing, and returns when it is durable.
	// When a check does not hold it gives a *Conflict.
	Commit(ctx context.Context, space Space, batch Batch) (Committed, error)
	// Lease takes at most n entries of an index that are due by the engine's own
	// clock, and moves them to d from now in the same step: until then no other
	// Lease gives them. The score that they moved to is the proof of the lease
	// (see Leased).
	Lease(ctx context.Context, space Space, index string, n int, d time.Duration) ([]Entry, error)
	// Take asks all brakes in one step whether one more may pass, and counts. It
	// gives the first brake that refuses, or -1. Asked again with the same
	// record, it gives the same answer and counts nothing; the record that it
	// keeps for that lives as long as remember.
	//
	// A brake with a limit alone counts what passes; one that doubles or trips
	// counts every attempt; one that peeks counts nothing. Each that refuses
	// raises what it trips. A count begins anew when its window is over.
	Take(ctx context.Context, space Space, record string, remember time.Duration, brakes []ticket.Brake) (refused int, err error)
	// Sync returns when all that was committed in the space before is durable,
	// also what another client committed.
	Sync(ctx context.Context, space Space) error
	// Scan gives everything, in any order, an item perhaps more than once. It is
	// for a store that nobody writes to.
	Scan(ctx context.Context) iter.Seq2[Item, error]
	// Dump is Scan for a store that is in use: all fields of a record come one
	// after the other, once, and are of one moment, and so are all numbers of a
	// pack; two records may be of two.
	Dump(ctx context.Context) iter.Seq2[Item, error]
	Close() error
}

// Compacter is an engine that can write its files anew, without what was deleted.
type Compacter interface {
	Compact(ctx context.Context) error
}

// Filler is an engine that takes everything at once faster than by commits.
type Filler interface {
	// Fill puts what do gives: in any order, an item perhaps more than once. All of
	// it is durable when Fill returns, and nothing is there after an error. Nobody
	// else may write meanwhile. progress is told how far the writing has come that
	// begins when do has returned.
	Fill(ctx context.Context, do func(give func(Item) error) error, progress func(done, total int)) error
}

// Space is a part of the store that is changed in one step: the name of a site,
// or one of the installation's own, which begin with a sign that no site's does.
type Space string

// volatile begins the names of spaces that are advice only.
const volatile = "~"

// Volatile names the nth space that may be lost at any time: an engine need not
// make it durable, and migration leaves it out.
func Volatile(n int) Space { return Space(fmt.Sprintf("%s%d", volatile, n)) }

// Volatile reports whether the space may be lost at any time.
func (s Space) Volatile() bool { return strings.HasPrefix(string(s), volatile) }

// Score sorts an index: microseconds since 1970, which a double holds exactly
// until the year 2255.
type Score int64

// At is the score of a time.
func At(t time.Time) Score { return Score(t.UnixMicro()) }

// Time is the time of a score.
func (s Score) Time() time.Time { return time.UnixMicro(int64(s)).UTC() }

// Entry is a member of an index. Entries sort by score, then member.
type Entry struct {
	Member string `json:"member"`
	Score  Score  `json:"score"`
}

// Ask is one question: about a record, about a page of an index and the records
// that its entries name, or about numbers of a pack.
type Ask struct {
	Record string     `json:"record,omitempty"`
	Page   *Page      `json:"page,omitempty"`
	Pack   *PackRange `json:"pack,omitempty"`
	// Fields are those wanted of the record, or of each entry's.
	Fields []string `json:"fields,omitempty"`
	// Follow goes on from there to another record.
	Follow *Follow `json:"follow,omitempty"`
	// Names asks for the names of all the record's fields that begin with it,
	// instead of contents.
	Names *string `json:"names,omitempty"`
}

// Page is a part of an index.
type Page struct {
	Index string `json:"index"`
	// After is the last entry of the page before; nil begins.
	After *Entry `json:"after,omitempty"`
	// Reverse is highest score first.
	Reverse bool `json:"reverse,omitempty"`
	// N is how many entries at most.
	N int `json:"n"`
	// Member, when it is set, asks for its entry alone, wherever it stands.
	Member string `json:"member,omitempty"`
	// Record, put before a member, is the key of the record of an entry; with
	// "" none are read.
	Record string `json:"record,omitempty"`
}

// Follow is a step from one record to another: what Field holds, with Record
// put before it, is its key.
type Follow struct {
	Field  string   `json:"field"`
	Record string   `json:"record"`
	Fields []string `json:"fields"`
}

// Answer is what an Ask found.
type Answer struct {
	// Rows is one for a record, also when there is none, and one for each entry
	// of a page.
	Rows []Row `json:"rows,omitempty"`
	// Total is how many entries the index has in all.
	Total int `json:"total,omitempty"`
	// Names are the names that were asked for, in no order.
	Names []string `json:"names,omitempty"`
	// Numbers are those of a pack, the lowest first.
	Numbers []uint32 `json:"numbers,omitempty"`
}

// Row is a record that was read.
type Row struct {
	Entry
	// Fields holds those that the record has.
	Fields map[string][]byte `json:"fields,omitempty"`
	// Reached is what the followed field holds. Followed is the record there; one
	// that several rows of a Read reach is given with the first of them only.
	Reached  string            `json:"reached,omitempty"`
	Followed map[string][]byte `json:"followed,omitempty"`
}

// Batch is what one Commit does.
type Batch struct {
	// Operation is the key of a record that makes a repeat harmless: while it
	// lives, the same operation is not done again and gives the same result,
	// whatever else the batch says. Steps may put something else into it. "" where the
	// checks or the steps see to that.
	Operation string `json:"operation,omitempty"`
	// Remember is how long it lives.
	Remember time.Duration `json:"remember,omitempty"`
	Checks   []Check       `json:"checks,omitempty"`
	// Draws are the counters that numbers are drawn from, the next of each; steps
	// refer to a draw by its position.
	Draws []Counter `json:"draws,omitempty"`
	Steps []Step    `json:"steps,omitempty"`
}

// Counter is a field of a record that holds the last number drawn.
type Counter struct {
	Record string `json:"record"`
	Field  string `json:"field"`
}

// Check is a condition of a batch.
type Check struct {
	Record string `json:"record,omitempty"`
	Field  string `json:"field,omitempty"`
	// Want is what the field must hold; nil wants it absent.
	Want []byte `json:"want"`
	// Index, when it is set, is checked instead: that the entry stands there.
	Index string `json:"index,omitempty"`
	Entry Entry  `json:"entry,omitzero"`
}

// Equal wants a field to hold just that.
func Equal(record, field string, want []byte) Check {
	if want == nil {
		want = []byte{}
	}
	return Check{Record: record, Field: field, Want: want}
}

// Absent wants a record to have no such field.
func Absent(record, field string) Check { return Check{Record: record, Field: field} }

// Leased wants an entry to stand where a lease put it.
func Leased(index string, e Entry) Check { return Check{Index: index, Entry: e} }

// Committed is what a batch gave.
type Committed struct {
	// Numbers are those drawn, in the order of Draws.
	Numbers []uint64 `json:"numbers,omitempty"`
	// Repeat is set when the operation had been done before.
	Repeat bool `json:"repeat,omitempty"`
}

// ErrConflict is what every *Conflict is.
var ErrConflict = errors.New("engine: a check does not hold")

// ErrNotDurable is given when a batch was done and too few replicas answered in
// time: it may yet be lost. Its repeat waits for them again.
var ErrNotDurable = errors.New("engine: too few replicas have it")

// Conflict tells which check did not hold.
type Conflict struct {
	// Check is its position in the batch.
	Check int
}

func (c *Conflict) Error() string { return fmt.Sprintf("%v (number %d)", ErrConflict, c.Check) }

// Is makes errors.Is(err, ErrConflict) true.
func (c *Conflict) Is(target error) bool { return target == ErrConflict }

// Item is one field of a record, one entry of an index, or a whole pack, as Scan
// gives it.
type Item struct {
	Space  Space  `json:"space"`
	Record string `json:"record,omitempty"` // or Index, or Pack
	Index  string `json:"index,omitempty"`
	Pack   string `json:"pack,omitempty"`
	Name   string `json:"name,omitempty"`  // field or member
	Value  []byte `json:"value,omitempty"` // of a field, or the numbers of a pack: PackBytes, sorted
	Score  Score  `json:"score,omitempty"`
	// Left is how long the record still lives; 0 for ever.
	Left time.Duration `json:"left,omitempty"`
}
