package ticket

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ListBody is what a mail to an agent lists. Which tickets these are is fixed
// when the list is made, so that an answer can name them by their number; the
// words about them are made when it leaves.
type ListBody struct {
	Worklist `json:"worklist"`
	// Tickets are those of the page; the first is number 1.
	Tickets []ID `json:"tickets,omitempty"`
	// Total, Live and Beyond are those of the Listing.
	Total  int  `json:"total"`
	Live   int  `json:"live,omitempty"`
	Beyond bool `json:"beyond,omitempty"`
}

// ListValid is how long a list can be answered.
const ListValid = 14 * 24 * time.Hour

// List makes a mail that lists tickets to an agent of a queue, and the record by
// which the answer to it names them.
func (m Mint) List(site, queue string, to Mailbox, locale string, body ListBody, now time.Time) (Challenge, Notice) {
	n := m.Letter(AgentList, site, queue, to, locale, now)
	c := m.ListRecord(site, queue, to, locale, body.Tickets, now)
	n.List = &body
	if len(body.Tickets) > 0 {
		n.MessageID = m.Signer.SignChallenge(site, c.ID) + "." + n.MessageID
		n.Challenge = c.ID
	}
	c.MessageID = n.MessageID
	return c, n
}

// ListRecord remembers which tickets the numbers of a list mean: a challenge
// without a code, which allows what the agent may do anyway.
func (m Mint) ListRecord(site, queue string, to Mailbox, locale string, tickets []ID, now time.Time) Challenge {
	return Challenge{ID: NewID(m.Random), Site: site, Queue: queue, Action: AgentRead, Parked: Parked{Tickets: tickets},
		Mailbox: to, Locale: locale, Created: now, Expires: now.Add(ListValid)}
}

// View is one of the lists that an agent asks for.
type View string

const (
	ViewOpen       View = "open"
	ViewMine       View = "mine"
	ViewUnassigned View = "unassigned"
	ViewWaiting    View = "waiting"
	ViewDue        View = "due"
	ViewSnoozed    View = "snoozed"
	ViewAll        View = "all"
	ViewHeld       View = "held"    // held mail, not tickets
	ViewSearch     View = "search"  // by words
	ViewContact    View = "contact" // all of one person
)

// viewTerms are the terms of the lists; those of MineTerm name the agent, all
// others a queue.
var viewTerms = map[View]TermKind{
	ViewOpen: OpenTerm, ViewMine: MineTerm, ViewUnassigned: FreeTerm, ViewWaiting: WaitingTerm, ViewDue: DueTerm, ViewSnoozed: SnoozedTerm,
	ViewAll: QueueTerm, ViewSearch: QueueTerm, ViewContact: QueueTerm,
}

// Worklist is what an agent wants listed.
type Worklist struct {
	View View `json:"view"`
	// Agent is who asks, and Queues those of theirs that count: no others' tickets
	// are ever listed.
	Agent  Address  `json:"agent"`
	Queues []string `json:"queues"`
	// Tags and Words must all be on a ticket; Words are folded.
	Tags  []string `json:"tags,omitempty"`
	Words []string `json:"words,omitempty"`
	// From is somebody who takes part: an address, or @ and a domain.
	From   string    `json:"from,omitempty"`
	States []State   `json:"states,omitempty"` // any of them; none is all
	Since  time.Time `json:"since,omitzero"`   // opened then or later
	// Page counts from 1.
	Page int `json:"page"`
}

// WorklistPage is how many tickets one mail lists, and WorklistPages how many
// such pages can be asked for.
const (
	WorklistPage  = 50
	WorklistPages = 20
)

// Key names the worklist among the answers of one query.
func (w Worklist) Key() string { return fmt.Sprintf("%+v", w) }

// Newest reports whether the list begins with the ticket that was opened last,
// rather than with what is to be done first.
func (w Worklist) Newest() bool { return viewTerms[w.View] == QueueTerm }

// Any are the terms of which a listed ticket has one or more.
func (w Worklist) Any() (all []Term) {
	kind := viewTerms[w.View]
	if kind == MineTerm {
		return []Term{{Kind: kind, Value: w.Agent.Key()}}
	}
	for _, q := range w.Queues {
		all = append(all, Term{Kind: kind, Value: q})
	}
	return all
}

// Every are the terms of which a listed ticket has all.
func (w Worklist) Every() (all []Term) {
	if w.From != "" {
		all = append(all, Term{Kind: AddressTerm, Value: w.From})
	}
	for _, tag := range w.Tags {
		all = append(all, Term{Kind: TagTerm, Value: Fold(tag)})
	}
	for _, word := range w.Words {
		all = append(all, Term{Kind: WordTerm, Value: word})
	}
	return all
}

// Filtered reports whether more than the terms of Any decides what is listed.
func (w Worklist) Filtered() bool {
	return w.View == ViewMine || len(w.States) > 0 || !w.Since.IsZero() || len(w.Every()) > 0
}

// Listing is the answer to a Worklist.
type Listing struct {
	// IDs are those of the page, in order.
	IDs []ID
	// Total is how many there are on all pages, and Live those of them that are not
	// done, where it was counted; Beyond is set when there may be more than could
	// be looked at.
	Total, Live int
	Beyond      bool
}

// Order compares two places in the list.
func (w Worklist) Order(a, b int64) int {
	if w.Newest() {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// Command is the command that asks for a page of the list.
func (w Worklist) Command(page int) string {
	if w.View == ViewContact {
		return joined("#contact", w.From, pageOf("", page))
	}
	queue := ""
	if len(w.Queues) == 1 {
		queue = w.Queues[0]
	}
	if w.View != ViewSearch {
		return joined(append([]string{"#list", string(w.View), queue}, append(w.Tags, pageOf("", page))...)...)
	}
	words := append([]string{"#search"}, w.Words...)
	if w.From != "" {
		words = append(words, "from:"+w.From)
	}
	for _, tag := range w.Tags {
		words = append(words, "tag:"+tag)
	}
	for _, s := range w.States {
		words = append(words, "state:"+string(s))
	}
	if queue != "" {
		words = append(words, "queue:"+queue)
	}
	if !w.Since.IsZero() {
		words = append(words, "since:"+w.Since.Format(time.DateOnly))
	}
	return joined(append(words, pageOf("page:", page))...)
}

// pageOf names a page; the first needs no name.
func pageOf(prefix string, page int) string {
	if page < 2 {
		return ""
	}
	return prefix + strconv.Itoa(page)
}

// joined is the words that there are, with spaces between them.
func joined(words ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" }), " ")
}
