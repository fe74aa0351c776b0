package ticket

// Query is what a decision about one message needs to know of a site, read in
// one round trip.
type Query struct {
	Site string
	// Tickets are those that reply tokens name.
	Tickets []ID
	// MessageIDs are those in In-Reply-To and References, newest first, and the
	// message's own.
	MessageIDs []string
	// References are the numbers that the subject names.
	References []uint64
	// Seen are the deliveries that may have been made before.
	Seen []string
	// Challenges are those whose codes may have come.
	Challenges []ID
	// Held is the mail that waits for one of them, or for a word of an agent.
	Held []string
	// Tracking are the tracking codes that were named, normalized.
	Tracking []string
	// Address asks for the tickets whose requester it is, the newest first and at
	// most MaxOwn, and whether it is enrolled.
	Address Address
	// Whole asks for what is open at the site, the newest first and at most
	// MaxWhole.
	Whole bool
	// IfSighted asks for the same where Address was given sight of the site.
	IfSighted bool
	// Sender asks whether mail of that address was called spam.
	Sender Address
	// Canned asks for the canned answers that agents have saved.
	Canned bool
	// Profiles asks what these agents chose, each by any address of theirs.
	Profiles []Address
	// Newest asks for what the requester of each of Tickets wrote last.
	Newest bool
	// Lists are what a listed agent wants to see.
	Lists []Worklist
}

// Unknown is what a change takes for granted that the store knows nothing of. Its
// fields are those of Query.
type Unknown struct {
	MessageIDs []string
	Seen       []string
	Sender     Address
}

// Unknown is all that the query asks for; false where it asks for more.
func (q Query) Unknown() (*Unknown, bool) {
	named := len(q.Tickets) + len(q.References) + len(q.Challenges) + len(q.Held) + len(q.Tracking) + len(q.Profiles) + len(q.Lists)
	if named > 0 || q.Address != "" || q.Whole || q.IfSighted || q.Canned || q.Newest {
		return nil, false
	}
	return &Unknown{MessageIDs: q.MessageIDs, Seen: q.Seen, Sender: q.Sender}, true
}

// MaxOwn is how many tickets of one person a message can be about.
const MaxOwn = 100

// MaxWhole is how many open tickets of a site one mail tells of.
const MaxWhole = 50

// Facts are the answers to a Query. What is not there was not found.
type Facts struct {
	Tickets     map[ID]*Ticket
	ByMessageID map[string]ID
	ByReference map[uint64]ID
	Seen        map[string]bool
	// SeenAs is the held mail that a delivery of Seen was kept as, by its name; it
	// stands in Held while nobody has decided on it.
	SeenAs     map[string]string
	Challenges map[ID]*Challenge
	Held       map[string]*Held
	ByTracking map[string]ID
	// Own are the tickets of the query's Address, in order; all stand in Tickets.
	Own []ID
	// Whole are the open tickets of the site, in order; all stand in Tickets. Open
	// is how many there are.
	Whole []ID
	Open  int
	// Enrolled is set when the Address was enrolled for the site.
	Enrolled bool
	// Canned are the canned answers of the site, where they were asked for.
	Canned Canned
	// Sight is set when an agent has let the Address see the whole site.
	Sight bool
	// Profiles are by the Key of the address that was asked for. Those of who has a
	// ticket that was found are there unasked.
	Profiles map[string]*Profile
	// Newest is, by ticket, the newest public article that no agent wrote.
	Newest map[ID]*Article
	// Spammer is what is remembered of the Sender, or nil.
	Spammer *Spammer
	// Lists are the answers to the query's, by their Key.
	Lists map[string]*Listing
}

// Spammer is a sender whose mail an agent called spam.
type Spammer struct {
	Address Address
	// Proved is set where their domain stood behind that mail. Where it did not,
	// the owner of the address may have had no part in it: what they prove to be
	// theirs is not held for it.
	Proved bool
}

// Sent reports whether mail with that proof is to be taken for the spammer's.
func (s *Spammer) Sent(p Proof) bool { return s != nil && (s.Proved || p < ProofDomain) }
