//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// fate is what became of a mail, as its sender knows it.
type fate struct {
	*mail
	tries    int
	accepted int // answers 250
	unknown  int // connections that ended without an answer
	// abandoned is set when the sender stopped repeating it.
	abandoned bool
	// repeats is how often it is still sent although it was answered 250: a sender
	// that did not hear the answer does that.
	repeats int
	next    time.Time
}

// settled reports whether its sender is done with it.
func (f *fate) settled() bool { return f.abandoned || f.accepted > 0 && f.repeats == 0 }

// load is many sending servers, each mail repeated until it is answered 250.
type load struct {
	sessions int
	seed     uint64

	mu        sync.Mutex
	addresses []string // of the daemons that it is spread over
	random    *rand.Rand
	fates     []*fate
	again     []*fate
	// answers counts them by their first digit; 0 is none at all.
	answers [10]int
	refused map[string]int // 5xx answers
}

func newLoad(address string, sessions int, seed uint64) *load {
	return &load{addresses: []string{address}, sessions: sessions, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), refused: map[string]int{}}
}

// run sends until ctx ends. Sessions finish the mail that they are at.
func (l *load) run(ctx context.Context) {
	var sessions sync.WaitGroup
	for range l.sessions {
		sessions.Go(func() {
			for ctx.Err() == nil {
				l.session(ctx, l.pick)
			}
		})
	}
	sessions.Wait()
}

// settle repeats what is not settled yet, and nothing new, for so long at most.
// It reports whether all is.
func (l *load) settle(patience time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var sessions sync.WaitGroup
	for range l.sessions {
		sessions.Go(func() {
			for ctx.Err() == nil && l.open() > 0 {
				l.session(ctx, l.repeat)
			}
		})
	}
	sessions.Wait()
	return l.open() == 0
}

// open is how many mails are not settled.
func (l *load) open() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.fates {
		if !f.settled() {
			n++
		}
	}
	return n
}

// length is how many mails were sent at least once.
func (l *load) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.fates)
}

// session sends some mails over one connection.
func (l *load) session(ctx context.Context, next func() *fate) {
	c, err := dial(l.address(), answerWithin)
	if err != nil {
		if code := codeOf(err); code > 0 {
			l.count(code, "")
		}
		rest(ctx, 20*time.Millisecond)
		return
	}
	defer c.Close()
	for range 1 + l.draw(10) {
		f := next()
		if f == nil || ctx.Err() != nil {
			l.put(f)
			rest(ctx, 20*time.Millisecond)
			return
		}
		code, err := c.submit(f.mail)
		l.judge(f, code, err)
		if err != nil {
			return
		}
		rest(ctx, time.Duration(l.draw(20))*time.Millisecond)
	}
	_ = c.expect(221, "QUIT")
}

// spread has new sessions begin with one of these.
func (l *load) spread(over ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses = over
}

func (l *load) address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addresses[l.random.IntN(len(l.addresses))]
}

func (l *load) draw(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.random.IntN(n)
}

// pick is a mail to repeat that is due, or a new one.
func (l *load) pick() *fate {
	if f := l.repeat(); f != nil {
		return f
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &mail{seed: l.seed, number: len(l.fates) + 1}
	if earlier := l.earlier(); earlier != nil {
		m.answers = earlier
	}
	f := &fate{mail: m}
	l.fates = append(l.fates, f)
	return f
}

// earlier is, one time in five, a mail that was taken and is followed up, often
// the same: two that follow it up at once meet on one ticket.
func (l *load) earlier() *mail {
	if len(l.fates) == 0 || l.random.IntN(5) > 0 {
		return nil
	}
	i := l.random.IntN(len(l.fates))
	if l.random.IntN(2) == 0 {
		i -= i % 50
	}
	if f := l.fates[i]; f.accepted > 0 {
		return f.mail
	}
	return nil
}

// repeat is a mail that is due to be sent again, or nil.
func (l *load) repeat() *fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for i, f := range l.again {
		if f.next.Before(now) {
			l.again = append(l.again[:i], l.again[i+1:]...)
			return f
		}
	}
	return nil
}

// put gives back a mail that was picked and not sent.
func (l *load) put(f *fate) {
	if f == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again = append(l.again, f)
}

// judge writes down what the sender learnt, and what it does about it.
func (l *load) judge(f *fate, code int, err error) {
	l.mu.Lock()
	f.tries++
	first := f.accepted == 0
	switch {
	case code == 250:
		f.accepted++
		if f.repeats > 0 {
			f.repeats--
		} else if first && l.random.IntN(40) == 0 {
			f.repeats = 1
		}
	case code == 0:
		f.unknown++
	}
	if f.accepted == 0 && l.random.IntN(30) == 0 {
		f.abandoned = true
	}
	if !f.settled() {
		f.next = time.Now().Add(time.Duration(50+l.random.IntN(400)) * time.Millisecond)
		l.again = append(l.again, f)
	}
	l.mu.Unlock()
	text := ""
	if code >= 500 {
		text = fmt.Sprint(err)
	}
	l.count(code, text)
}

func (l *load) count(code int, refusal string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[code/100%10]++
	if refusal != "" {
		l.refused[refusal]++
	}
}

func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
