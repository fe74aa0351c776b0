package ticket_test

import (
	"slices"
	"testing"
	"time"

	"guichet/ticket"
)

// office is open on weekdays from 9:00 to 12:30 and 13:30 to 18:00, in Paris.
func office(t testing.TB) *ticket.Calendar {
	t.Helper()
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	c := &ticket.Calendar{Zone: paris, Country: "FR", Closed: []ticket.DateRange{{From: "2026-12-24", To: "2026-12-31"}}}
	for day := time.Monday; day <= time.Friday; day++ {
		c.Week[day] = []ticket.Hours{{From: 9 * 60, To: 12*60 + 30}, {From: 13*60 + 30, To: 18 * 60}}
	}
	return c
}

func local(t testing.TB, c *ticket.Calendar, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, c.Zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestBusinessTime(t *testing.T) {
	c := office(t)
	for _, test := range []struct {
		from  string
		hours float64
		want  string
	}{
		{"2026-03-02 09:00", 1, "2026-03-02 10:00"},
		{"2026-03-02 12:00", 1, "2026-03-02 14:00"},  // over lunch
		{"2026-03-02 13:00", 1, "2026-03-02 14:30"},  // begins at lunch
		{"2026-03-02 09:00", 8, "2026-03-02 18:00"},  // to the last minute
		{"2026-03-06 17:00", 2, "2026-03-09 10:00"},  // over the weekend
		{"2026-03-07 11:00", 4, "2026-03-09 14:00"},  // begins on a Saturday
		{"2026-04-03 17:30", 1, "2026-04-07 09:30"},  // over Easter Monday
		{"2026-05-13 18:00", 1, "2026-05-15 10:00"},  // over Ascension Day
		{"2026-12-23 17:00", 2, "2027-01-04 10:00"},  // over the closing days and New Year
		{"2026-03-27 17:00", 16, "2026-03-31 17:00"}, // over the change to summer time
		{"2026-10-23 17:00", 8, "2026-10-26 17:00"},  // and back
		{"2026-03-02 04:00", 0, "2026-03-02 04:00"},
	} {
		from, want := local(t, c, test.from), local(t, c, test.want)
		d := time.Duration(test.hours * float64(time.Hour))
		if got := c.Add(from, d); !got.Equal(want) {
			t.Errorf("%s and %s: %s, want %s", test.from, d, got.In(c.Zone), want)
		}
		if got := c.Between(from, want); got != d {
			t.Errorf("from %s to %s: %s, want %s", test.from, test.want, got, d)
		}
	}
	if got := c.Day(); got != 8*time.Hour {
		t.Errorf("a day has %s", got)
	}
	if got := c.Between(local(t, c, "2026-03-03 10:00"), local(t, c, "2026-03-02 10:00")); got != 0 {
		t.Errorf("backwards: %s", got)
	}
}

// Round the clock, a day on which the clock is changed is an hour longer or
// shorter, and business time is time.
func TestRoundTheClock(t *testing.T) {
	c := office(t)
	c.Week, c.Country, c.Closed = [7][]ticket.Hours{}, "", nil
	for _, from := range []string{"2026-03-28 12:00", "2026-10-24 12:00", "2026-06-06 23:59"} {
		for _, d := range []time.Duration{time.Minute, 24 * time.Hour, 100 * time.Hour} {
			at := local(t, c, from)
			if got := c.Add(at, d); !got.Equal(at.Add(d)) {
				t.Errorf("%s and %s: %s", from, d, got)
			}
			if got := c.Between(at, at.Add(d)); got != d {
				t.Errorf("from %s for %s: %s", from, d, got)
			}
		}
	}
	c.Country = "FR"
	if got, want := c.Add(local(t, c, "2026-07-13 12:00"), 24*time.Hour), local(t, c, "2026-07-15 12:00"); !got.Equal(want) {
		t.Errorf("over a holiday: %s", got)
	}
	if c.Day() != 24*time.Hour {
		t.Errorf("a day has %s", c.Day())
	}
}

// Who is always closed is never owed an endless search.
func TestClosedForEver(t *testing.T) {
	c := office(t)
	c.Closed = []ticket.DateRange{{From: "0000-01-01", To: "9999-12-31"}}
	from := local(t, c, "2026-03-02 09:00")
	if got := c.Add(from, time.Minute); got.Sub(from) < 4*365*24*time.Hour {
		t.Errorf("over at %s", got)
	}
	if got := c.Between(from, from.AddDate(100, 0, 0)); got != 0 {
		t.Errorf("%s have gone by", got)
	}
}

// What Add gives is where Between counts as much, whatever the moment.
func TestAddAndBetweenAgree(t *testing.T) {
	c := office(t)
	from := local(t, c, "2026-01-01 00:00")
	for i := range 2000 {
		from = from.Add(4*time.Hour + 7*time.Minute)
		d := time.Duration(1+i%4000) * time.Minute
		if got := c.Between(from, c.Add(from, d)); got != d {
			t.Fatalf("%s from %s: %s", d, from, got)
		}
	}
}

// The days are those that the governments publish.
func TestHolidays(t *testing.T) {
	for _, test := range []struct {
		country string
		year    int
		days    []string // that are weekdays
	}{
		{"FR", 2025, []string{"01-01", "04-21", "05-01", "05-08", "05-29", "06-09", "07-14", "08-15", "11-11", "12-25"}},
		{"FR", 2026, []string{"01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "11-11", "12-25"}},
		{"DE", 2017, []string{"04-14", "04-17", "05-01", "05-25", "06-05", "10-03", "10-31", "12-25", "12-26"}},
		{"DE", 2025, []string{"01-01", "04-18", "04-21", "05-01", "05-29", "06-09", "10-03", "12-25", "12-26"}},
		{"GB", 2020, []string{"01-01", "04-10", "04-13", "05-08", "05-25", "08-31", "12-25", "12-28"}},
		{"GB", 2021, []string{"01-01", "04-02", "04-05", "05-03", "05-31", "08-30", "12-27", "12-28"}},
		{"GB", 2022, []string{"01-03", "04-15", "04-18", "05-02", "06-02", "06-03", "08-29", "09-19", "12-26", "12-27"}},
		{"GB", 2023, []string{"01-02", "04-07", "04-10", "05-01", "05-08", "05-29", "08-28", "12-25", "12-26"}},
		{"GB", 2026, []string{"01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"}},
		{"ES", 2025, []string{"01-01", "01-06", "04-18", "05-01", "08-15", "12-08", "12-25"}},
		{"IT", 2025, []string{"01-01", "01-06", "04-21", "04-25", "05-01", "06-02", "08-15", "12-08", "12-25", "12-26"}},
		{"PT", 2014, []string{"01-01", "04-18", "04-25", "05-01", "06-10", "08-15", "12-08", "12-25"}},
		{"PT", 2025, []string{"01-01", "04-18", "04-25", "05-01", "06-10", "06-19", "08-15", "12-01", "12-08", "12-25"}},
		{"NL", 2025, []string{"01-01", "04-21", "05-05", "05-29", "06-09", "12-25", "12-26"}}, // King's Day on Saturday the 26th
		{"NL", 2026, []string{"01-01", "04-06", "04-27", "05-14", "05-25", "12-25"}},
		{"BE", 2025, []string{"01-01", "04-21", "05-01", "05-29", "06-09", "07-21", "08-15", "11-11", "12-25"}},
		{"CH", 2025, []string{"01-01", "05-29", "08-01", "12-25"}},
		{"US", 2020, []string{"01-01", "01-20", "02-17", "05-25", "07-03", "09-07", "10-12", "11-11", "11-26", "12-25"}},
		{"US", 2021, []string{"01-01", "01-18", "02-15", "05-31", "06-18", "07-05", "09-06", "10-11", "11-11", "11-25", "12-24", "12-31"}},
		{"US", 2026, []string{"01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "09-07", "10-12", "11-11", "11-26", "12-25"}},
	} {
		var got []string
		for day := time.Date(test.year, 1, 1, 12, 0, 0, 0, time.UTC); day.Year() == test.year; day = day.AddDate(0, 0, 1) {
			weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
			if !weekend && ticket.Holiday(test.country, day) {
				got = append(got, day.Format("01-02"))
			}
		}
		if !slices.Equal(got, test.days) {
			t.Errorf("%s %d:\n got %v\nwant %v", test.country, test.year, got, test.days)
		}
	}
}

// Easter of years in which its rules are known to be got wrong.
func TestEaster(t *testing.T) {
	for _, date := range []string{"1818-03-22", "1943-04-25", "1954-04-18", "1981-04-19", "2000-04-23", "2008-03-23", "2019-04-21", "2024-03-31",
		"2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25", "2049-04-18", "2076-04-19", "2285-03-22"} {
		day, err := time.Parse(time.DateOnly, date)
		if err != nil {
			t.Fatal(err)
		}
		if !ticket.Holiday("IT", day) || !ticket.Holiday("IT", day.AddDate(0, 0, 1)) {
			t.Errorf("%s is not Easter", date)
		}
	}
}

func BenchmarkAddThreeBusinessDays(b *testing.B) {
	c := office(b)
	from := local(b, c, "2026-03-05 16:00")
	for b.Loop() {
		c.Add(from, 24*time.Hour)
	}
}
