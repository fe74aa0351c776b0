package router

import (
	"testing"
	"time"
)

func TestReadWhen(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, time.March, 27, 10, 30, 0, 0, paris) // a Friday, two days before the clocks change
	for _, c := range []struct{ text, want string }{
		{"30m", "2026-03-27 11:00"}, {"45 min", "2026-03-27 11:15"}, {"4h", "2026-03-27 14:30"}, {"3d", "2026-03-30 08:00"}, {"3j", "2026-03-30 08:00"},
		{"3 days", "2026-03-30 08:00"}, {"2w", "2026-04-10 08:00"}, {"2s", "2026-04-10 08:00"}, {"1mo", "2026-04-27 08:00"},
		{"tomorrow", "2026-03-28 08:00"}, {"Demain", "2026-03-28 08:00"}, {"tomorrow 14:15", "2026-03-28 14:15"}, {"demain 14h", "2026-03-28 14:00"},
		{"monday", "2026-03-30 08:00"}, {"friday", "2026-04-03 08:00"}, {"lundi 9h30", "2026-03-30 09:30"}, {"today 18:00", "2026-03-27 18:00"},
		{"2026-12-01", "2026-12-01 08:00"}, {"2026-12-01 23:59", "2026-12-01 23:59"},
	} {
		got, ok := readWhen(c.text, now, paris, 8*time.Hour)
		if said := got.Format("2006-01-02 15:04"); !ok || said != c.want {
			t.Errorf("%q is %s (%t), want %s", c.text, said, ok, c.want)
		}
	}
	last := time.Date(2027, time.October, 31, 10, 30, 0, 0, paris)
	for text, want := range map[string]string{"1mo": "2027-11-30", "3mo": "2028-01-31", "4mo": "2028-02-29", "16mo": "2029-02-28"} {
		if got, ok := readWhen(text, last, paris, 8*time.Hour); !ok || got.Format(time.DateOnly) != want {
			t.Errorf("%s after the last of October is %s (%t), want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "soon", "0d", "today", "today 9:00", "2026-03-27", "2026-02-30", "2020-01-01", "9999d", "2026-12-01 25:00", "2026-12-01 9:75",
		"tomorrow at noon", "3x", "01/04/2026", "-3d"} {
		if got, ok := readWhen(text, now, paris, 8*time.Hour); ok {
			t.Errorf("%q is taken for %s", text, got)
		}
	}
	if got, ok := readWhen("3d", now, nil, 8*time.Hour); !ok || got.Location() != time.UTC {
		t.Errorf("without a zone: %s, %t", got, ok)
	}
}
