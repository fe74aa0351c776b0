package main

import (
	"testing"
	"time"
)

func TestAgoIsShort(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.FixedZone("", 3600))
	for _, c := range []struct {
		before time.Duration
		want   string
		moment string
	}{
		{0, "now", "2026-03-02 09:00"},
		{59 * time.Second, "now", "2026-03-02 08:59"},
		{time.Minute, "1m", "2026-03-02 08:59, 1m ago"},
		{119 * time.Minute, "1h", "2026-03-02 07:01, 1h ago"},
		{47 * time.Hour, "47h", "2026-02-28 10:00, 47h ago"},
		{48 * time.Hour, "2d", "2026-02-28 09:00, 2d ago"},
		{90 * 24 * time.Hour, "90d", "2025-12-02 09:00, 90d ago"},
		{91 * 24 * time.Hour, "2025-12-01", "2025-12-01 09:00"},
		{-30 * time.Second, "now", "2026-03-02 09:00"},
		{-5 * time.Minute, "in 5m", "2026-03-02 09:05, in 5m"},
	} {
		at := now.Add(-c.before).UTC()
		if got := ago(at, now); got != c.want {
			t.Errorf("%v before: %q, want %q", c.before, got, c.want)
		}
		if got := moment(at, now); got != c.moment {
			t.Errorf("%v before: %q, want %q", c.before, got, c.moment)
		}
	}
	if got := ago(time.Time{}, now) + moment(time.Time{}, now); got != "" {
		t.Errorf("no time is %q", got)
	}
}
