package ticket

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Texts are the texts of canned answers, by name and then by language.
type Texts map[string]map[string]string

// Canned are the canned answers that the agents of a site have mailed in.
type Canned struct {
	Texts Texts `json:"texts"`
	// Version counts changes; 0 creates.
	Version uint64 `json:"-"`
}

// Bounds of canned answers.
const (
	MaxCanned     = 300   // of a site
	LongestCanned = 20000 // bytes of one
)

// CannedName reports whether something can be the name of a canned answer: one
// word of letters, digits, hyphens and low lines.
func CannedName(name string) bool { return cannedName.MatchString(name) }

var cannedName = regexp.MustCompile(`^[\pL\pN][\pL\pN_-]{0,39}$`)

// Find gives the text of that name in a language, else in one of the others
// that are wanted, else in any.
func (t Texts) Find(name string, wanted ...string) (string, bool) {
	texts := t[strings.ToLower(name)]
	for _, locale := range wanted {
		if text, ok := texts[locale]; ok {
			return text, true
		}
	}
	for _, locale := range slices.Sorted(maps.Keys(texts)) {
		return texts[locale], true
	}
	return "", false
}

// Names are those of all, in order.
func (t Texts) Names() []string { return slices.Sorted(maps.Keys(t)) }

// Put adds or replaces a text.
func (t *Texts) Put(name, locale, text string) {
	if *t == nil {
		*t = Texts{}
	}
	name = strings.ToLower(name)
	texts := maps.Clone((*t)[name])
	if texts == nil {
		texts = map[string]string{}
	}
	texts[locale] = text
	(*t)[name] = texts
}

// CannedFields are what a text may name between braces: {name} and so on.
var CannedFields = []string{"name", "reference", "subject", "agent", "team", "organisation", "code"}

var cannedField = regexp.MustCompile(`\{([\pL_]{1,30})\}`)

// UnknownField gives the first field of a text that there is not.
func UnknownField(text string) (string, bool) {
	for _, found := range cannedField.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(CannedFields, found[1]) {
			return found[0], true
		}
	}
	return "", false
}

// FillCanned puts values into the fields of a text. What a value holds is never
// read as a field.
func FillCanned(text string, values map[string]string) string {
	return cannedField.ReplaceAllStringFunc(text, func(field string) string {
		if value, ok := values[strings.Trim(field, "{}")]; ok {
			return value
		}
		return field
	})
}
