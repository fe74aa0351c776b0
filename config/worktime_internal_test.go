package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestWeeks(t *testing.T) {
	office := []OpenHours{{9 * 60, 12*60 + 30}, {13*60 + 30, 18 * 60}}
	for text, want := range map[string]Week{
		"":                                {},
		"mon-fri 09:00-12:30 13:30-18:00": {1: office, 2: office, 3: office, 4: office, 5: office},
		"Mon 09:00-12:30 13:30-18:00 ,  sat 00:00-24:00": {1: office, 6: {{0, 24 * 60}}},
		"sat-mon 10:00-16:00":                            {6: {{600, 960}}, 0: {{600, 960}}, 1: {{600, 960}}},
	} {
		got, p := parseWeek(text)
		if p != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %+v, %v", text, got, p)
		}
	}
	for _, text := range []string{"mon", "09:00-12:00", "mon-xyz 09:00-12:00", "mon 12:00-09:00", "mon 09:00", "mon 09:00-25:00",
		"mon 09:00-12:00 11:00-13:00", "mon 09:00-12:00, mon 13:00-14:00", "mon 24:00-24:00", ",", "mon 9h-12h"} {
		if got, p := parseWeek(text); p == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}

func TestWorkTimes(t *testing.T) {
	for text, want := range map[string]WorkTime{
		"0": {}, "4h": {0, 4 * time.Hour}, "90m": {0, 90 * time.Minute}, "3d": {Days: 3}, "1d4h": {1, 4 * time.Hour}, "30h": {0, 30 * time.Hour},
	} {
		if got, p := parseWorkTime(text); p != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, p)
		}
	}
	for _, text := range []string{"", "4", "d", "-1d", "3 days", "4h1d", "1001d", "99999h", "1d1d"} {
		if got, p := parseWorkTime(text); p == nil {
			t.Errorf("%q is taken for %+v", text, got)
		}
	}
}
