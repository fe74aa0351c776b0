package outbox

import "time"

// gaps are how long after its making a mail is tried how often.
var gaps = []struct{ age, gap time.Duration }{
	{2 * time.Minute, time.Minute},
	{10 * time.Minute, 5 * time.Minute},
	{30 * time.Minute, 15 * time.Minute},
	{2 * time.Hour, 30 * time.Minute},
	{6 * time.Hour, time.Hour},
	{24 * time.Hour, 2 * time.Hour},
}

const widestGap = 4 * time.Hour

// nextAttempt tells when a mail that was made then and failed now is tried
// again, or that it is given up. The gaps grow with its age, not with a count:
// attempts that our own restarts cut short are no reason to wait. jitter, from
// 0 up to 1, spreads what failed together over a fifth of the gap.
func nextAttempt(made, now time.Time, giveUp time.Duration, jitter float64) (time.Time, bool) {
	age := now.Sub(made)
	gap := widestGap
	for _, g := range gaps {
		if age < g.age {
			gap = g.gap
			break
		}
	}
	if age >= giveUp {
		return time.Time{}, false
	}
	next := now.Add(gap + time.Duration(jitter*float64(gap)/5))
	// The last attempt comes when the time is up, not after it.
	if end := made.Add(giveUp); next.After(end) {
		next = end
	}
	return next, true
}
