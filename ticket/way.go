package ticket

import "net/netip"

// Way is how a mail came to where it lies, for whoever traces it. It is sealed
// with what it belongs to, and erased with it.
type Way struct {
	// ID names the transaction, in our 250, the Received line and the log.
	ID string `json:"id"`
	// Client is the host that brought it.
	Client netip.Addr `json:"client,omitzero"`
	// TLS is set when it came encrypted.
	TLS bool `json:"tls,omitempty"`
	// Did, Rule and Why are what was decided about it: what was done, by what it
	// found its ticket ("" for a new one), and a short reason.
	Did  string `json:"did"`
	Rule string `json:"rule,omitempty"`
	Why  string `json:"why,omitempty"`
}
