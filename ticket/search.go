package ticket

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Term is something that a ticket is found by: a word of it, or a list in which
// it stands. The store keeps keyed digests of terms, never the terms.
type Term struct {
	Kind  TermKind
	Value string
	// Order is where the ticket stands among all of the term.
	Order int64
}

// TermKind keeps terms of different things apart.
type TermKind string

const (
	// Found by, as long as the ticket is there. Order: when it was opened.
	WordTerm    TermKind = "word"
	AddressTerm TermKind = "address" // Address.Key, or @ and a domain
	TagTerm     TermKind = "tag"
	QueueTerm   TermKind = "queue"

	// The lists that a team works through. Order: what comes first.
	OpenTerm    TermKind = "open"       // by queue: the team is to act
	FreeTerm    TermKind = "unassigned" // by queue: and nobody has taken it
	WaitingTerm TermKind = "waiting"    // by queue: the requester is to answer
	DueTerm     TermKind = "due"        // by queue: to be done by a time, the soonest first
	SnoozedTerm TermKind = "snoozed"    // by queue: put aside, the soonest to come back first
	MineTerm    TermKind = "mine"       // by the Key of the agent's address: taken, and not done
)

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
	s := termSet{opened: t.Opened.UnixMilli(), has: map[Term]bool{}}
	s.all = t.listTerms()
	s.add(QueueTerm, t.Queue)
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
	opened int64
	all    []Term
	has    map[Term]bool
}

func (s *termSet) add(kind TermKind, value string) (added bool) {
	t := Term{kind, value, s.opened}
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
func SearchWords(text string, n int) (found []string) {
	seen := map[string]bool{}
	keep := func(word string) {
		if len(found) < n && !seen[word] && !tooCommon[word] {
			seen[word] = true
			found = append(found, word)
		}
	}
	var word strings.Builder
	length := 0
	end := func() {
		if length > 1 {
			keep(word.String())
		}
		word.Reset()
		length = 0
	}
	var before rune // of a script without spaces
	alone := false  // and nothing was made of it yet
	pairsEnd := func() {
		if alone {
			keep(string(before))
		}
		before, alone = 0, false
	}
	for _, r := range Fold(text[:min(len(text), searchedText)]) {
		switch {
		case unspaced(r):
			end()
			if before != 0 {
				keep(string([]rune{before, r}))
			}
			before, alone = r, before == 0
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			pairsEnd()
			if length < longestWord {
				word.WriteRune(r)
				length++
			}
		default:
			end()
			pairsEnd()
		}
		if len(found) == n {
			return found
		}
	}
	end()
	pairsEnd()
	return found
}

// searchedText is how far into a text words are looked for, in bytes.
const searchedText = 16 << 10

// unspaced reports whether a letter is of a script that puts no spaces between
// words.
func unspaced(r rune) bool {
	return r > unicode.MaxLatin1 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai)
}

// Fold makes two ways to write a word one: capitals, accents, ligatures and full
// width are what people leave out when they search.
func Fold(s string) string {
	if plain(s) {
		return strings.ToLower(s)
	}
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
