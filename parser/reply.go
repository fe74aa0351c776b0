package parser

import "strings"

// split tells what the writer wrote now from what was quoted, and the
// signature from it. Plain text is read first; where no quote is found there
// and the HTML marks one, the HTML decides. When nothing new is left, the text
// is the reply: words are never lost.
func (m *Message) split(c content) (reply, signature string) {
	if c.text == nil || strings.TrimSpace(m.Text) == "" {
		return m.Text, ""
	}
	lines, cut := fresh(c.text)
	if c.html != nil && c.plain && !cut {
		if fromHTML, cutHTML := fresh(c.html); cutHTML && !blankLines(fromHTML) {
			lines = fromHTML
		}
	}
	if cut && answersWithin(lines, c.text) {
		return m.Text, ""
	}
	lines, sign := cutSignature(lines)
	if signature = join(sign); sameText(lines, c.text) {
		reply = m.Text // as of most first mails
	} else {
		reply = join(lines)
	}
	if !visible(reply) {
		m.QuoteOnly = true
		reply, signature = join(strip(c.text)), ""
	}
	if !visible(reply) {
		reply = m.Text
	}
	return reply, signature
}

// sameText reports whether some lines are all of a text, but for the empty ones
// around it.
func sameText(lines, all []line) bool {
	for len(all) > 0 && all[0].blank() {
		all = all[1:]
	}
	end := trimBlank(all)
	return trimBlank(lines) == end && (end == 0 || &lines[0] == &all[0])
}

// answersWithin reports whether the writer says that the answers stand in the
// quoted text, and the quote has no marks that would tell them from it. A quote
// of ours is never kept for that: it holds what its reader alone may see.
func answersWithin(own, all []line) bool {
	for _, l := range all {
		if l.depth > 0 || l.hint&(hintOurs|hintBlock) != 0 || carriesMarker(l.text) {
			return false
		}
	}
	for _, l := range own[:min(len(own), 20)] {
		lower := strings.ToLower(shorten(l.text, 160))
		if containsAny(lower, answerWords) && containsAny(lower, answerPlaces) {
			return true
		}
	}
	return false
}

// answerWords and answerPlaces stand together where somebody says that the
// answers are further down: "my comments below in red". In lower case.
var (
	answerWords = []string{
		"answer", "repl", "comment", "response", "antwort", "kommentar", "anmerkung", "répons", "repons", "remarque", "respuesta", "comentario", "comentário",
		"resposta", "rispost", "antwoord", "opmerking", "svar", "odpowied", "ответ", "回答", "回复", "回覆", "コメント", "답변",
	}
	answerPlaces = []string{
		" below", " inline", "in-line", " in red", " in blue", " in green", " unten", " in rot", " in blau", " in grün", " im text", "ci-dessous", "plus bas",
		"en rouge", "en bleu", "en vert", "dans le texte", "abajo", "en rojo", "en azul", "en verde", "en el texto", "abaixo", "em vermelho", "no texto", " sotto",
		"in rosso", " in blu", "nel testo", "hieronder", "in het rood", "in het blauw", "in de tekst", "nedan", "nedenfor", "poniżej", "na czerwono", "ниже",
		"красным", "见下", "下文", "红字", "紅字", "赤字", "下記", "以下", "아래",
	}
)

// visible reports whether a text shows anything.
func visible(s string) bool {
	for l := range strings.SplitSeq(s, "\n") {
		if !(line{text: l}).blank() {
			return true
		}
	}
	return false
}

// strip takes the quote marks off: a mail that is only a quote is read as text.
func strip(lines []line) []line {
	out := make([]line, 0, len(lines))
	for _, l := range lines {
		l.depth = 0
		out = append(out, l)
	}
	return out
}

// lineKind says what a line is.
type lineKind uint8

const (
	isNew   lineKind = iota // the writer's own
	isQuote                 // under a quote mark, or in what HTML marks
	isIntro                 // "On …, Ann wrote:", a header block, a rule above them
	isTail                  // all below a header block or an intro without marks
)

// fresh gives the lines that are new, and whether anything was cut.
func fresh(lines []line) (out []line, cut bool) {
	if len(lines) > maxReplyLines {
		return lines, false
	}
	lines = splitSharedLine(lines)
	kinds := classifyLines(lines)
	return choose(lines, kinds)
}

// splitSharedLine parts "my answer--- On …, Ann wrote:", as one old web mailer
// joins them.
func splitSharedLine(lines []line) []line {
	for i, l := range lines {
		if l.prose || l.depth > 0 || !strings.Contains(l.text, "--") || !strings.Contains(l.text, "wrote") || len(l.text) > 400 {
			continue
		}
		if m := sameLine.FindStringSubmatch(l.text); m != nil {
			out := append(append([]line{}, lines[:i]...), line{text: m[1], hint: l.hint}, line{text: m[2], hint: l.hint})
			return append(out, lines[i+1:]...)
		}
	}
	return lines
}

// classifyLines finds the quotes. The first thing that opens a quote without
// marks on its lines takes all that follows.
func classifyLines(lines []line) []lineKind {
	kinds := make([]lineKind, len(lines))
	left := maxCandidates
	quoted := false // a block quote was seen in the loose quote that is open
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		quoted = l.hint&hintLoose != 0 && (quoted || l.depth > 0)
		switch {
		case kinds[i] != isNew:
		case l.prose && l.depth == 0 && l.hint&(hintCut|hintQuote) == 0: // the writer's own
		case l.hint&hintCut != 0:
			return tail(lines, kinds, i)
		case carriesMarker(l.text):
			if l.depth == 0 && l.hint&hintQuote == 0 {
				return tail(lines, kinds, introAbove(lines, i))
			}
			mark(kinds, introAbove(lines, i), i, isIntro)
			kinds[i] = isQuote
		case l.hint&hintQuote != 0:
			if !(quoted && l.depth == 0 && answers(lines, i)) {
				kinds[i] = isQuote
			}
		case headOfRest(lines, i):
			return tail(lines, kinds, i)
		case l.depth > 0:
			kinds[i] = isQuote
		case l.blank():
		default:
			if candidate(l.text) {
				left--
			}
			if left < 0 {
				continue
			}
			if at, n, found := opensQuote(lines, i); found {
				if marked(lines, i+n) {
					mark(kinds, ruleAbove(lines, at), i+n, isIntro)
					markForeign(lines, kinds, i+n)
					i += n - 1
					continue
				}
				return tail(lines, kinds, ruleAbove(lines, at))
			}
		}
	}
	return kinds
}

// candidate tells the few lines that are dear to look at.
func candidate(s string) bool { return endsAttribution(strings.TrimSpace(s)) }

// answers reports whether line i, between block quotes, is an answer to them and
// not the line before the next.
func answers(lines []line, i int) bool {
	if _, _, found := opensQuote(lines, i); found || lines[i].blank() {
		return false
	}
	for end := i + 1; end < len(lines) && end < i+4 && !lines[end].blank() && lines[end].depth == 0; end++ {
		if start, ok := attribution(lines, end); ok && start <= i {
			return false
		}
	}
	return true
}

// opensQuote tries each way in which a quote can open at line i: an
// attribution that ends there, a line between dashes, a header block.
func opensQuote(lines []line, i int) (start, n int, found bool) {
	s := lines[i].text
	if originalLine(s) || forwardLine(s) {
		return i, 1, true
	}
	if start, ok := attribution(lines, i); ok {
		return start, 1, true
	}
	if n, ok := headerBlock(lines, i); ok {
		return i, n, true
	}
	return notesBlock(lines, i)
}

// marked reports whether the next visible line at or below i is under a mark.
func marked(lines []line, i int) bool {
	for ; i < len(lines); i++ {
		if !lines[i].blank() || lines[i].depth > 0 {
			return lines[i].depth > 0 || lines[i].hint&hintQuote != 0 || foreignMark(lines[i].text)
		}
	}
	return false
}

// foreignMark tells the quote marks of old programs: "| text", "AB> text".
func foreignMark(s string) bool {
	t := strings.TrimSpace(s)
	if strings.HasPrefix(t, "|") {
		return true
	}
	i := strings.IndexByte(t, '>')
	return i > 0 && i <= 3 && strings.ToUpper(t[:i]) == t[:i] && strings.Trim(t[:i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// markForeign makes quote of the lines at i that carry such marks.
func markForeign(lines []line, kinds []lineKind, i int) {
	for ; i < len(lines) && (lines[i].blank() || foreignMark(lines[i].text)); i++ {
		if !lines[i].blank() {
			kinds[i] = isQuote
		}
	}
}

// tail makes all from i on quote.
func tail(lines []line, kinds []lineKind, i int) []lineKind {
	mark(kinds, introAbove(lines, i), len(lines), isTail)
	return kinds
}

func mark(kinds []lineKind, from, to int, k lineKind) {
	for i := from; i < to && i < len(kinds); i++ {
		kinds[i] = k
	}
}

// ruleAbove takes the line drawn above an intro along.
func ruleAbove(lines []line, i int) int {
	for j := i - 1; j >= 0 && j >= i-2; j-- {
		if lines[j].blank() {
			continue
		}
		if ruleLine(lines[j].text) || originalLine(lines[j].text) || forwardLine(lines[j].text) {
			return ruleAbove(lines, j)
		}
		break
	}
	return i
}

// introAbove takes what stands right above a quote and belongs to it: the
// attribution, a header block, a rule.
func introAbove(lines []line, i int) int {
	j := i - 1
	for j >= 0 && lines[j].blank() {
		j--
	}
	if j < 0 || i-j > 4 {
		return i
	}
	if start, ok := attribution(lines, j); ok {
		return ruleAbove(lines, start)
	}
	if carriesMarker(lines[i].text) && announces(lines[:j+1]) {
		return j // in a language that we do not know; that a quote follows is sure
	}
	for k := max(0, j-8); k <= j; k++ {
		if n, ok := headerBlock(lines, k); ok && k+n > j {
			return ruleAbove(lines, k)
		}
	}
	return ruleAbove(lines, i)
}

// run is lines of one sort that stand together.
type run struct {
	from, to int
	quote    bool
	intro    bool // the quote has one, or HTML vouches for it
}

// choose keeps what is new. A quote with new text below it stays as far as is
// needed to understand the answer: not at all when it is the only one, its last
// lines when answers stand between quotes, and whole when it was quoted by hand.
func choose(lines []line, kinds []lineKind) (out []line, cut bool) {
	runs := runsOf(lines, kinds)
	last := -1 // the last run of new text
	quotes := 0
	for i, r := range runs {
		if !r.quote {
			last = i
		} else {
			quotes++
		}
	}
	if quotes == 0 && last >= 0 {
		return lines[runs[0].from:], false
	}
	answered := 0 // quotes with an answer below
	for i, r := range runs {
		if r.quote && i < last {
			answered++
		}
	}
	introduced := false
	for i, r := range runs {
		if !r.quote {
			out = append(out, lines[r.from:r.to]...)
			continue
		}
		introduced = introduced || r.intro
		switch {
		case !introduced && (i < last || i+1 < len(runs)):
			out = append(apart(out), context(lines[r.from:r.to], 5)...)
		case !introduced && lines[r.from].hint&hintBlock != 0 && !announces(lines[:r.from]):
			out = append(out, lines[r.from:r.to]...) // set off by hand
		case i > last:
			cut = true
		case answered > 1:
			cut = true
			out = append(apart(out), lastParagraph(onlyMarked(lines[r.from:r.to], kinds[r.from:r.to]))...)
		default:
			cut = true
		}
	}
	return out, cut
}

// announces reports whether the last of some lines could be an attribution in a
// language that we do not know.
func announces(lines []line) bool {
	end := trimBlank(lines)
	if end == 0 {
		return false
	}
	l := lines[end-1].text
	return endsAttribution(strings.TrimSpace(l)) && strings.ContainsAny(l, "0123456789@")
}

// apart ends lines with an empty one.
func apart(lines []line) []line {
	if n := len(lines); n > 0 && !lines[n-1].blank() {
		return append(lines, line{})
	}
	return lines
}

// runsOf groups lines. Empty lines go with what stands above them; a piece of
// an address that was broken off a quoted line goes with the quote.
func runsOf(lines []line, kinds []lineKind) []run {
	var runs []run
	for i, k := range kinds {
		quote := k != isNew
		if lines[i].blank() && k == isNew {
			if len(runs) > 0 {
				runs[len(runs)-1].to = i + 1
			}
			continue
		}
		if !quote && brokenOff(lines, kinds, i) {
			quote = true
		}
		intro := k == isIntro || k == isTail || quote && (lines[i].hint&(hintQuote|hintOurs) != 0 || carriesMarker(lines[i].text) || introInside(lines, i))
		if n := len(runs); n > 0 && runs[n-1].quote == quote && (k != isIntro || runs[n-1].intro) {
			runs[n-1].to = i + 1
			runs[n-1].intro = runs[n-1].intro || intro
			continue
		}
		runs = append(runs, run{i, i + 1, quote, intro})
	}
	return runs
}

// introInside finds an attribution or header block under quote marks, where
// some phones put it.
func introInside(lines []line, i int) bool {
	l := lines[i]
	if l.depth == 0 {
		return false
	}
	if i > 0 && lines[i-1].depth > 0 && i > 3 && lines[i-2].depth > 0 && lines[i-3].depth > 0 {
		return false // only its first lines count
	}
	if _, ok := attribution(lines, i); ok {
		return true
	}
	_, ok := headerBlock(lines, i)
	return ok || originalLine(l.text)
}

// brokenOff is the rest of a link that was folded out of a quoted line.
func brokenOff(lines []line, kinds []lineKind, i int) bool {
	if i == 0 || i+1 >= len(lines) || kinds[i-1] != isQuote || kinds[i+1] != isQuote {
		return false
	}
	if strings.ContainsAny(strings.TrimSpace(lines[i].text), " \t") {
		return false
	}
	above := lines[i-1].text
	return strings.Contains(above[strings.LastIndexByte(above, ' ')+1:], "://")
}

// onlyMarked leaves intros out of a quote.
func onlyMarked(lines []line, kinds []lineKind) []line {
	var out []line
	for i, l := range lines {
		if kinds[i] == isQuote && l.depth > 0 {
			out = append(out, l)
		}
	}
	return out
}

// lastParagraph is the end of a quote down from its last empty line: what an
// answer below it answers.
func lastParagraph(lines []line) []line {
	end := trimBlank(lines)
	n := 0
	for n < 6 && n < end && !lines[end-1-n].blank() {
		n++
	}
	return context(lines, n)
}

// context is the last n lines of a quote that say something.
func context(lines []line, n int) []line {
	end := trimBlank(lines)
	start := end
	for start > 0 && n > 0 {
		start--
		if !lines[start].blank() {
			n--
		}
	}
	if start < end {
		return append(append([]line{}, lines[start:end]...), line{})
	}
	return nil
}
