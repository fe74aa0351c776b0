package router

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"guichet/ticket"
)

// This file is about the references of tickets as people write them.

// aroundReference is what may stand beside a reference without being of it.
const aroundReference = "[]#.,; "

// reference reads the reference of a ticket of the site: ACM-1042, [ACM-1042].
func (in *Input) reference(word string) (uint64, bool) {
	r, err := ticket.ParseReference(strings.Trim(word, aroundReference))
	return r.Number, err == nil && strings.EqualFold(r.Prefix, in.Site.Prefix)
}

// number is reference where nothing else than a ticket can be meant: 1042 too.
func (in *Input) number(word string) (uint64, bool) {
	if n, err := strconv.ParseUint(strings.Trim(word, aroundReference), 10, 64); err == nil && n > 0 {
		return n, true
	}
	return in.reference(word)
}

var referenceTag = regexp.MustCompile(`(?i)\b[A-Z][A-Z0-9]{1,7}-[0-9]{1,15}\b`)

// referencesMax bounds how many references of one subject are looked up.
const referencesMax = 4

// subjectReferences are the numbers of the site that the subject names, the first
// few. Those of other gateways may stand before them.
func (in *Input) subjectReferences() []uint64 {
	var out []uint64
	for _, found := range referenceTag.FindAllString(in.Message.Subject, -1) {
		if n, ok := in.reference(found); ok && !slices.Contains(out, n) && len(out) < referencesMax {
			out = append(out, n)
		}
	}
	return out
}
