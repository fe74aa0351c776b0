package router

import (
	"guichet/parser"
	"guichet/ticket"
)

// chats remembers whether the writer of the message uses a program that shows
// mail as a chat: so they are answered. An agent's is remembered for all their
// tickets, a requester's for this one.
func (d *decider) chats(p *ticket.Participant) {
	m := d.in.Message
	switch {
	case m.Automatic != parser.ByPerson:
	case p.Role != ticket.AgentRole:
		p.Chat = m.Chat
	default:
		known := d.facts.Profiles[d.in.Envelope.Evidence.From.Key()]
		if was := known != nil && known.Chat; was != m.Chat {
			d.profile().Chat = m.Chat
		}
	}
}
