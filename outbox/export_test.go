package outbox

import (
	"testing"

	"guichet/ticket"
)

// Notes are the team's own words: what somebody else wrote to the team is not
// given to the requester either.
func TestNotesOfAnExportAreTheTeams(t *testing.T) {
	tk := &ticket.Ticket{}
	tk.Join(ticket.Participant{Role: ticket.Requester, Mailbox: ticket.Mailbox{Address: "marie@customer.example"}})
	agent := tk.Join(ticket.Participant{Role: ticket.AgentRole, Mailbox: ticket.Mailbox{Name: "Anna", Address: "anna@acme.example"}}).Number
	other := tk.Join(ticket.Participant{Role: ticket.Copied, Mailbox: ticket.Mailbox{Address: "sales@pumps.example"}}).Number
	var r ExportedRequest
	r.AddNotes(tk, []ticket.Article{
		{Kind: ticket.InternalArticle, Author: agent, Text: "Ask for a price."},
		{Kind: ticket.InternalArticle, Author: other, Text: "40 to you."},
		{Kind: ticket.PublicArticle, Author: agent, Text: "A new one costs 90."},
	})
	if len(r.Notes) != 1 || r.Notes[0].Text != "Ask for a price." || r.Notes[0].By != "Anna" {
		t.Errorf("the notes are %+v", r.Notes)
	}
}
