package router_test

import (
	"testing"

	"guichet/router"
	"guichet/ticket"
)

// What is kept of a mail tells how it came there, on its first article alone;
// requesters never read it.
func TestWhatIsKeptTellsHowItCame(t *testing.T) {
	w := newWorld(t)
	f := w.opened()
	way := f.article().Way
	if way == nil || way.ID != "t1" || way.Did != string(router.Opened) || way.Why == "" || way.Rule != "" {
		t.Errorf("opened by %+v", way)
	}
	public, _ := f.article().Public()
	if public.Article().Way != nil {
		t.Error("a requester may read how it came")
	}
	answer := w.send(w.answer(f.notice(ticket.Acknowledgement, "marie@customer.example"), "One more thing.\n")).did(router.Added).by(router.ByToken)
	if way := answer.article().Way; way == nil || way.ID != "t2" || way.Rule != string(router.ByToken) {
		t.Errorf("added by %+v", way)
	}
	held := w.send(mail{from: "eve@else.example", to: []string{"help@acme.example"}, text: "Subject: [ACM-1000]\n\nMe too\n"}).held(ticket.HeldStranger)
	if way := held.change.Held[0].Way; way == nil || way.ID != "t3" || way.Did != string(router.HeldBack) || way.Why == "" {
		t.Errorf("held by %+v", way)
	}
}
