package ticket

import "time"

// Try is one attempt to deliver a notice. It is sealed with the notice, and
// erased with it.
type Try struct {
	At   time.Time     `json:"at"` // when it began
	Took time.Duration `json:"took,omitempty"`
	// Host is whom the mail was given to, if it came so far.
	Host string `json:"host,omitempty"`
	// Code and Answer are what the host said, or what kept us from its answer;
	// without addresses.
	Code   int    `json:"code,omitempty"`
	Answer string `json:"answer,omitempty"`
}

// TriesKept is how many attempts of a notice are kept, the newest.
const TriesKept = 10
