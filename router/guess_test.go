package router_test

import (
	"testing"
)

// What begins a matter is filed without asking; whatever may be known is asked
// about, and the second time nothing is new.
func TestNewMattersAreFiledWithoutReading(t *testing.T) {
	w := newWorld(t)
	deliver := func(m mail) {
		w.store.reads = nil
		e := w.envelope(m)
		if err := w.router.Deliver(t.Context(), e); err != nil || len(e.Filed) != 1 {
			t.Fatalf("%v, filed %d times", err, len(e.Filed))
		}
	}
	m := mail{from: "marie@customer.example", to: []string{"help@acme.example"}, text: "Message-ID: <a@customer.example>\nSubject: Till\n\nIt is dead.\n"}
	deliver(m)
	if n := len(w.store.reads); n != 0 || len(w.store.site("acme").tickets) != 1 {
		t.Errorf("%d reads for a new matter", n)
	}
	deliver(m)
	if n := len(w.store.reads); n != 1 || len(w.store.site("acme").tickets) != 1 {
		t.Errorf("%d reads for its repeat, and %d tickets", n, len(w.store.site("acme").tickets))
	}
	m.text = "Message-ID: <b@customer.example>\nIn-Reply-To: <a@customer.example>\nSubject: Re: Till\n\nStill dead.\n"
	deliver(m)
	if n := len(w.store.reads); n != 1 {
		t.Errorf("%d reads for an answer", n)
	}
}
