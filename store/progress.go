package store

// Progress is told how far something has come: steps done, of how many.
type Progress func(done, total int)

// course tells one Progress of a work that has several stages.
type course struct {
	tell   Progress
	shares []int // how long each stage takes, beside the others; those ahead
	whole  int   // of all
	behind int   // of those that have begun
}

// perShare is how many steps one share has.
const perShare = 1000

func newCourse(tell Progress, shares ...int) *course {
	c := &course{tell: tell, shares: shares}
	if tell == nil {
		c.tell = func(int, int) {}
	}
	for _, share := range shares {
		c.whole += share
	}
	return c
}

// stage begins the next one, and gives what is to be told of it.
func (c *course) stage() Progress {
	before, share := c.behind, c.shares[0]
	c.shares, c.behind = c.shares[1:], before+share
	return func(done, total int) {
		part := float64(min(done, total)) / float64(max(total, 1))
		c.tell(before*perShare+int(part*float64(share*perShare)), c.whole*perShare)
	}
}

// end tells that all is done.
func (c *course) end() { c.tell(c.whole*perShare, c.whole*perShare) }

// toldEvery is after how many things a stage is told of them.
const toldEvery = 1000

// counting tells of the beginning, and gives what to call after each of so many
// things.
func (tell Progress) counting(total int) (each func()) {
	n := 0
	tell(n, total)
	return func() {
		if n++; n%toldEvery == 0 {
			tell(n, total)
		}
	}
}
