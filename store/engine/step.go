package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Step is one thing that a batch does. The functions below make them.
type Step struct {
	Do     Verb          `json:"do"`
	Record string        `json:"record,omitempty"`
	Index  string        `json:"index,omitempty"`
	Pack   string        `json:"pack,omitempty"`
	Name   string        `json:"name,omitempty"` // of a field, or a member
	Field  string        `json:"field,omitempty"`
	Value  []byte        `json:"value,omitempty"`
	Score  Score         `json:"score,omitempty"`
	For    time.Duration `json:"for,omitempty"`
	Draw   int           `json:"draw,omitempty"`
	Share  int           `json:"share,omitempty"`
}

// Verb is what a step does.
type Verb string

const (
	DoPut        Verb = "put"
	DoPutAbsent  Verb = "put-absent"
	DoPutNumber  Verb = "put-number"
	DoPutAt      Verb = "put-at"
	DoDelete     Verb = "delete"
	DoDrop       Verb = "drop"
	DoExpire     Verb = "expire"
	DoAdd        Verb = "add"
	DoAddEarlier Verb = "add-earlier"
	DoRemove     Verb = "remove"
	DoPlace      Verb = "place"
	DoUnplace    Verb = "unplace"
	DoInclude    Verb = "include"
	DoExclude    Verb = "exclude"
	DoRepack     Verb = "repack"
)

// Put sets a field.
func Put(record, field string, value []byte) Step {
	return Step{Do: DoPut, Record: record, Name: field, Value: value}
}

// PutAbsent sets a field that is not there, and leaves one that is.
func PutAbsent(record, field string, value []byte) Step {
	return Step{Do: DoPutAbsent, Record: record, Name: field, Value: value}
}

// PutNumber sets a field to the number of a draw, in decimal.
func PutNumber(record, field string, draw int) Step {
	return Step{Do: DoPutNumber, Record: record, Name: field, Draw: draw}
}

// PutAt sets the field whose name is the number of a draw, in decimal, of the record
// whose key is prefix and that number divided by share: so many numbers in a row
// are in one record.
func PutAt(prefix string, draw, share int, value []byte) Step {
	return Step{Do: DoPutAt, Record: prefix, Value: value, Draw: draw, Share: share}
}

// Delete removes a field. A record without fields is none.
func Delete(record, field string) Step { return Step{Do: DoDelete, Record: record, Name: field} }

// Drop removes a whole record.
func Drop(record string) Step { return Step{Do: DoDrop, Record: record} }

// Repack lets an engine write a record anew that has become small: one that keeps
// small records in less memory may not find out by itself.
func Repack(record string) Step { return Step{Do: DoRepack, Record: record} }

// Expire lets a record, if it is there, vanish after d. Only records that no
// index names may expire.
func Expire(record string, d time.Duration) Step {
	return Step{Do: DoExpire, Record: record, For: d}
}

// Add puts a member into an index, or moves it.
func Add(index, member string, score Score) Step {
	return Step{Do: DoAdd, Index: index, Name: member, Score: score}
}

// AddEarlier is Add, except that it never moves a member to a higher score.
func AddEarlier(index, member string, score Score) Step {
	return Step{Do: DoAddEarlier, Index: index, Name: member, Score: score}
}

// Remove takes a member out of an index.
func Remove(index, member string) Step { return Step{Do: DoRemove, Index: index, Name: member} }

// Place puts a member into an index and takes it out of the one where the last
// Place with the same field of the record put it. The field names the index.
func Place(record, field, index, member string, score Score) Step {
	return Step{Do: DoPlace, Record: record, Field: field, Index: index, Name: member, Score: score}
}

// Unplace takes a member out of the index where Place put it.
func Unplace(record, field, member string) Step {
	return Step{Do: DoUnplace, Record: record, Field: field, Name: member}
}

// Validate reports what would make a batch fail half way. Engines call it
// before they begin.
func (b Batch) Validate() error {
	if b.Operation != "" && b.Remember <= 0 {
		return fmt.Errorf("engine: operation without a time to remember it")
	}
	err := validNames(b.Operation)
	for _, c := range b.Checks {
		err = cmp.Or(err, validNames(c.Record, c.Field, c.Index, c.Entry.Member))
	}
	for _, d := range b.Draws {
		err = cmp.Or(err, validNames(d.Record, d.Field))
	}
	for i := range b.Steps {
		s := &b.Steps[i]
		if bad := s.validate(len(b.Draws)); bad != nil {
			return fmt.Errorf("engine: step %d (%s): %w", i, s.Do, bad)
		}
		err = cmp.Or(err, validNames(s.Record, s.Index, s.Pack, s.Name, s.Field))
	}
	return err
}

// Validate reports what would make an item one that no engine keeps.
func (i *Item) Validate() error {
	if i.Pack != "" {
		return cmp.Or(validNames(i.Pack), validPack(i.Value))
	}
	if i.Record == "" && i.Index == "" {
		return fmt.Errorf("engine: item %q is of neither record, index nor pack", i.Name)
	}
	return validNames(i.Record, i.Index, i.Name)
}

func validNames(names ...string) error {
	for _, name := range names {
		if len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
			return fmt.Errorf("engine: name of %d bytes is too long or holds NUL", len(name))
		}
	}
	return nil
}

// maxName keeps keys below what every engine takes.
const maxName = 1024

func (s *Step) validate(draws int) error {
	switch {
	case (s.Do == DoInclude || s.Do == DoExclude) && s.Pack != "":
		return validPack(s.Value)
	case s.Record == "" && s.Index == "":
		return fmt.Errorf("names neither record, index nor pack")
	case (s.Do == DoPutNumber || s.Do == DoPutAt) && (s.Draw < 0 || s.Draw >= draws):
		return fmt.Errorf("refers to draw %d of %d", s.Draw, draws)
	case s.Do == DoPutAt && s.Share < 1:
		return fmt.Errorf("has %d numbers in a record", s.Share)
	case s.Do == DoExpire && s.For < time.Millisecond:
		return fmt.Errorf("expires after %v", s.For)
	}
	return nil
}
