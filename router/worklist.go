package router

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"guichet/ticket"
)

// views are the words for lists, in all languages, folded.
var views = map[string]ticket.View{
	"open": ticket.ViewOpen, "ouvertes": ticket.ViewOpen, "ouverts": ticket.ViewOpen,
	"mine": ticket.ViewMine, "miennes": ticket.ViewMine, "moi": ticket.ViewMine,
	"unassigned": ticket.ViewUnassigned, "free": ticket.ViewUnassigned, "libres": ticket.ViewUnassigned, "libre": ticket.ViewUnassigned,
	"waiting": ticket.ViewWaiting, "attente": ticket.ViewWaiting,
	"due": ticket.ViewDue, "echeances": ticket.ViewDue, "echeance": ticket.ViewDue,
	"snoozed": ticket.ViewSnoozed, "reportees": ticket.ViewSnoozed, "reporte": ticket.ViewSnoozed,
	"held": ticket.ViewHeld, "retenus": ticket.ViewHeld, "retenu": ticket.ViewHeld,
	"all": ticket.ViewAll, "toutes": ticket.ViewAll, "tout": ticket.ViewAll, "tous": ticket.ViewAll,
}

// searchStates are the words for states, in all languages, folded.
var searchStates = map[string][]ticket.State{
	"new": {ticket.New}, "nouveau": {ticket.New}, "nouvelle": {ticket.New},
	"open": {ticket.New, ticket.Open}, "ouvert": {ticket.New, ticket.Open}, "ouverte": {ticket.New, ticket.Open},
	"waiting": {ticket.Waiting}, "attente": {ticket.Waiting},
	"solved": {ticket.Solved}, "resolu": {ticket.Solved}, "resolue": {ticket.Solved},
	"closed": {ticket.Closed}, "ferme": {ticket.Closed}, "fermee": {ticket.Closed},
	"done": {ticket.Solved, ticket.Closed}, "fini": {ticket.Solved, ticket.Closed}, "finie": {ticket.Solved, ticket.Closed},
}

// theirs are the queues in which the sender is listed: the only ones whose
// tickets they see.
func (in *Input) theirs() (names []string) {
	for _, q := range in.Site.Queues {
		if q.Agent(in.Envelope.Evidence.From) {
			names = append(names, q.Name)
		}
	}
	return names
}

// viewed is a list as far as the sender alone decides it.
func (in *Input) viewed(v ticket.View) ticket.Worklist {
	return ticket.Worklist{View: v, Agent: in.Envelope.Evidence.From, Queues: in.theirs(), Page: 1}
}

// worklist reads what follows #list: which list, a queue, a page, and else tags.
func (in *Input) worklist(argument string) (ticket.Worklist, string) {
	w := in.viewed(ticket.ViewOpen)
	named := false
	for _, word := range strings.Fields(argument) {
		word = strings.Trim(word, ",;")
		folded := ticket.Fold(word)
		view, isView := views[folded]
		page, isPage := pageNumber(folded)
		switch {
		case folded == "" || folded == "page":
		case isView && !named:
			w.View, named = view, true
		case isPage:
			w.Page = page
		case in.isQueue(folded):
			if problem := narrowQueue(&w, in, folded); problem != "" {
				return w, problem
			}
		default:
			w.Tags = append(w.Tags, folded)
		}
	}
	if w.Page < 1 || w.Page > ticket.WorklistPages || len(w.Tags) > tagsMax {
		return w, ticket.ProblemArgument
	}
	return w, ""
}

func pageNumber(word string) (int, bool) {
	n, err := strconv.Atoi(word)
	return n, err == nil
}

func (in *Input) isQueue(name string) bool {
	_, ok := in.Site.Queue(name)
	return ok
}

// search reads what follows #search: words, and what narrows them down.
func (in *Input) search(argument string) (ticket.Worklist, string) {
	w := in.viewed(ticket.ViewSearch)
	var text []string
	for _, word := range strings.Fields(argument) {
		name, value, found := strings.Cut(word, ":")
		narrow := narrowing[ticket.Fold(name)]
		if !found || narrow == nil {
			text = append(text, word)
			continue
		}
		if problem := narrow(&w, in, strings.Trim(value, ",;")); problem != "" {
			return w, problem
		}
	}
	for _, word := range text {
		if who, ok := someone(word); ok && w.From == "" {
			w.From = who
			continue
		}
		for _, each := range ticket.SearchWords(word, searchWordsMax) {
			if !slices.Contains(w.Words, each) && len(w.Words) < searchWordsMax {
				w.Words = append(w.Words, each)
			}
		}
	}
	if _, ok := in.reference(argument); !ok && !w.Filtered() && len(w.Queues) == len(in.theirs()) {
		return w, ticket.ProblemNoWords
	}
	return w, ""
}

// searchWordsMax is how many words a search may have; further ones are left out.
const searchWordsMax = 12

// narrowing are what may stand before a colon, in all languages, folded.
var narrowing = map[string]func(w *ticket.Worklist, in *Input, value string) (problem string){
	"state": narrowState, "etat": narrowState, "tag": narrowTag, "etiquette": narrowTag, "queue": narrowQueue, "file": narrowQueue,
	"from": narrowFrom, "de": narrowFrom, "since": narrowSince, "depuis": narrowSince, "page": narrowPage,
}

func narrowState(w *ticket.Worklist, _ *Input, value string) string {
	states, ok := searchStates[ticket.Fold(value)]
	if !ok {
		return ticket.ProblemArgument
	}
	w.States = append(w.States, states...)
	return ""
}

func narrowTag(w *ticket.Worklist, _ *Input, value string) string {
	if value == "" || len(w.Tags) >= tagsMax {
		return ticket.ProblemArgument
	}
	w.Tags = append(w.Tags, ticket.Fold(value))
	return ""
}

// narrowQueue keeps one queue; one that is not the sender's is as if it were not
// there.
func narrowQueue(w *ticket.Worklist, in *Input, value string) string {
	name := strings.ToLower(value)
	if !slices.Contains(in.theirs(), name) {
		return ticket.ProblemNoQueue
	}
	w.Queues = []string{name}
	return ""
}

func narrowFrom(w *ticket.Worklist, _ *Input, value string) string {
	who, ok := someone(value)
	if !ok {
		return ticket.ProblemAddress
	}
	w.From = who
	return ""
}

// someone reads an address, or @ and a domain, in the form of an AddressTerm.
func someone(text string) (string, bool) {
	text = strings.Trim(text, "<>,;")
	if domain, ok := strings.CutPrefix(text, "@"); ok {
		a, err := ticket.ParseAddress("x@" + domain)
		return "@" + a.Domain(), err == nil
	}
	a, err := ticket.ParseAddress(text)
	return a.Key(), err == nil
}

// narrowSince reads a date, or how long ago: 30d.
func narrowSince(w *ticket.Worklist, in *Input, value string) string {
	zone := cmp.Or(in.Site.Zone, time.UTC)
	if day, err := time.ParseInLocation(time.DateOnly, value, zone); err == nil {
		w.Since = day
		return ""
	}
	ahead, ok := readSpan(strings.ToLower(value), in.Now.In(zone), 0)
	if !ok {
		return ticket.ProblemArgument
	}
	w.Since = in.Now.Add(-ahead.Sub(in.Now)).Truncate(time.Minute)
	return ""
}

func narrowPage(w *ticket.Worklist, _ *Input, value string) string {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > ticket.WorklistPages {
		return ticket.ProblemArgument
	}
	w.Page = n
	return ""
}

// contact reads what follows #contact.
func (in *Input) contact(argument string) (ticket.Worklist, string) {
	w := in.viewed(ticket.ViewContact)
	words := strings.Fields(argument)
	if len(words) == 0 || len(words) > 2 {
		return w, ticket.ProblemAddress
	}
	who, ok := someone(words[0])
	if !ok {
		return w, ticket.ProblemAddress
	}
	w.From = who
	problem := ""
	if len(words) == 2 {
		problem = narrowPage(&w, in, words[1])
	}
	return w, problem
}
