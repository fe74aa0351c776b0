package main

import "testing"

func TestGrowthPercent(t *testing.T) {
	for _, c := range []struct {
		live uint64
		want int
	}{
		{0, 6400},
		{16 << 20, 400},
		{64 << 20, 100},
		{128 << 20, 50},
		{4 << 30, 50},
	} {
		if got := growthPercent(c.live); got != c.want {
			t.Errorf("%d bytes alive: got %d %%, want %d %%", c.live, got, c.want)
		}
	}
}
