package ticket

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Term is something that a ticket is found by: a word of it, somebody who takes
// part, a tag, or a list in which it stands. The store keeps keyed digests of terms,
// never the terms.
type Term struct {
	Kind  TermKind
	Value string
	// Order is where the ticket stands in a list; all else has none.
	Order int64
}

// TermKind keeps terms of different things apart.
type TermKind string

const (
	// Found by, as long as the ticket is there.
	WordTerm    TermKind = "word"
	AddressTerm TermKind = "address" // Address.Key, or @ and a domain
	TagTerm     TermKind = "tag"

	// The list of all tickets of a queue. Order: when it was opened.
	QueueTerm TermKind = "queue"

	// The lists that a team works through. Order: what comes first.
	OpenTerm    TermKind = "open"       // by queue: the team is to act
	FreeTerm    TermKind = "unassigned" // by queue: and nobody has taken it
	WaitingTerm TermKind = "waiting"    // by queue: the requester is to answer
	DueTerm     TermKind = "due"        // by queue: to be done by a time, the soonest first
	SnoozedTerm TermKind = "snoozed"    // by queue: put aside, the soonest to come back first
	MineTerm    TermKind = "mine"       // by the Key of the agent's address: taken, and not done
)

// List reports whether the tickets that have such a term are a list.
func (k TermKind) List() bool { return k != WordTerm && k != AddressTerm && k != TagTerm }

// These bound what one ticket can be found by.
const (
	// wordsOfText is how many different words of each article count, the first.
	wordsOfText = 40
	// MaxTerms is how many terms a ticket has at most; of many articles, the
	// later ones are found by less.
	MaxTerms = 240
	// longestWord is how many characters of a word count.
	longestWord = 32
)

// Terms are what a ticket is found by, those that lists need first. One that
// was merged into another is found by nothing: the other goes on.
func (t *Ticket) Terms(articles []Article) []Term {
	if !t.Merged.IsZero() {
		return nil
	}
	s := termSet{has: map[Term]bool{}}
	s.all = append(t.listTerms(), Term{QueueTerm, t.Queue, t.Opened.UnixMilli()})
	for _, tag := range t.Tags {
		s.add(TagTerm, Fold(tag))
	}
	for _, p := range t.Participants {
		if p.Role != AgentRole {
			s.person(p)
		}
	}
	s.words(t.Subject, MaxTerms)
	for _, a := range articles {
		if a.Kind != EventArticle {
			s.words(a.Text, wordsOfText)
		}
	}
	return s.all
}

// listTerms are the lists in which a ticket stands.
func (t *Ticket) listTerms() (all []Term) {
	if t.State.Done() {
		return nil
	}
	in := func(kind TermKind, value string, order int64) { all = append(all, Term{kind, value, order}) }
	work := t.workOrder()
	aside := !t.Snoozed.IsZero()
	switch {
	case aside:
		in(SnoozedTerm, t.Queue, t.Snoozed.UnixMilli())
	case t.State == Waiting:
		in(WaitingTerm, t.Queue, work)
	default:
		in(OpenTerm, t.Queue, work)
	}
	if p, ok := t.Participant(t.Assignee); ok && !p.Removed {
		in(MineTerm, p.Address.Key(), work)
	} else if !aside && t.State != Waiting {
		in(FreeTerm, t.Queue, work)
	}
	if at := t.Deadline(); !at.IsZero() {
		in(DueTerm, t.Queue, at.UnixMilli())
	}
	return all
}

// workOrder puts what presses more first, and then what has waited longest. The
// priorities lie further apart than any two times.
func (t *Ticket) workOrder() int64 {
	const apart = int64(1e13) // milliseconds, three centuries
	return map[Priority]int64{Urgent: 0, High: 1, Normal: 2, Low: 3}[t.Priority]*apart + t.Changed.UnixMilli()
}

// termSet gathers terms, each once.
type termSet struct {
	all []Term
	has map[Term]bool
}

func (s *termSet) add(kind TermKind, value string) (added bool) {
	t := Term{Kind: kind, Value: value}
	if value == "" || len(s.all) >= MaxTerms || s.has[t] {
		return false
	}
	s.has[t] = true
	s.all = append(s.all, t)
	return true
}

// person adds what somebody is found by: their name, and their addresses whole,
// by what stands before the @ and by their domain.
func (s *termSet) person(p Participant) {
	for _, a := range append([]Address{p.Address}, p.Other...) {
		if a != "" {
			s.add(AddressTerm, a.Key())
			s.add(AddressTerm, "@"+a.Domain())
			s.words(strings.ReplaceAll(string(a), "@", " "), MaxTerms)
		}
	}
	s.words(p.Name, MaxTerms)
}

// words adds the first n different words of a text.
func (s *termSet) words(text string, n int) {
	for _, w := range SearchWords(text, n) {
		s.add(WordTerm, w)
	}
}

// SearchWords are the first n different words of a text that one can search for,
// folded: at least two letters or digits, save words so common that they tell
// tickets apart from no others. Scripts that put no spaces between words give
// each pair of neighbours.
func SearchWords(text string, n int) []string {
	s := wordSearch{n: n, seen: map[string]bool{}}
	// No word goes over the end of a line, and mostly the first lines have enough.
	for line := range strings.Lines(text[:min(len(text), searchedText)]) {
		if s.line(Fold(line)); len(s.found) == n {
			break
		}
	}
	return s.found
}

// wordSearch gathers the first n different words.
type wordSearch struct {
	n     int
	found []string
	seen  map[string]bool
}

func (s *wordSearch) keep(word string) {
	if len(s.found) == s.n || s.seen[word] {
		return
	}
	s.seen[word] = true
	if !tooCommon[word] {
		s.found = append(s.found, word)
	}
}

// line takes the words of a line that is folded.
func (s *wordSearch) line(line string) {
	from, to, length := 0, 0, 0 // of the word under way, as far as it counts
	last, alone := -1, ""       // where the letter before begins, if of a script without spaces, and it, if nothing was made of it yet
	end := func() {
		if length > 1 {
			s.keep(line[from:to])
		}
		if alone != "" {
			s.keep(alone)
		}
		length, last, alone = 0, -1, ""
	}
	for at, r := range line {
		next := at + utf8.RuneLen(r)
		switch {
		case r > unicode.MaxLatin1 && unspaced(r):
			if last >= 0 {
				s.keep(line[last:next])
				last, alone = at, ""
			} else {
				end()
				last, alone = at, line[at:next]
			}
		case !spelled(r):
			end()
		case length < longestWord:
			if last >= 0 {
				end()
			}
			if length == 0 {
				from = at
			}
			to, length = next, length+1
		}
	}
	end()
}

// spelled reports whether words are made of a character, which is folded.
func spelled(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// searchedText is how far into a text words are looked for, in bytes.
const searchedText = 16 << 10

// unspaced reports whether a letter is of a script that puts no spaces between
// words.
func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// Fold makes two ways to write a word one: capitals, accents, ligatures and full
// width are what people leave out when they search.
func Fold(s string) string {
	if plain(s) {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		folded, known := western()[r]
		if !known {
			return foldAny(s)
		}
		b.WriteString(folded)
	}
	return b.String()
}

// western are the characters of texts in western languages, folded. None of them
// folds otherwise beside another, so that one after the other can be looked up.
var western = sync.OnceValue(func() map[rune]string {
	all := map[rune]string{}
	for _, block := range [][2]rune{{0, 0x24f}, {0x2000, 0x206f}} { // Latin letters, and punctuation
		for r := block[0]; r <= block[1]; r++ {
			all[r] = foldAny(string(r))
		}
	}
	return all
})

func foldAny(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
	return unligature.Replace(norm.NFC.String(cases.Fold().String(s)))
}

// plain reports whether a text is ASCII, as most is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// unligature writes letters that Unicode takes for letters of their own as those
// type them who do not have them.
var unligature = strings.NewReplacer("œ", "oe", "æ", "ae", "ø", "o", "ł", "l", "đ", "d", "ı", "i")

// tooCommon are words that stand in nearly every mail, folded.
var tooCommon = func() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(`
		the and for are was were you your yours we our us me my he she his her it its they them their this that these those
		is am be been has have had do does did not no yes of to in on at by or an as if so but with from can could will would
		re fw fwd hello hi dear regards thanks thank please
		le la les un une des du de et ou au aux en est sont nous vous votre vos notre nos je tu il elle on ce cet cette ces
		ma mon mes sa son ses ne pas que qui pour par sur dans avec sans plus se si bonjour merci cordialement`) {
		all[w] = true
	}
	return all
}()
