package main

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"guichet/store"
	"guichet/ticket"
)

// numbers is a list of a site as a store gives it: a page at a time.
func numbers(all []int) func(after store.Cursor, n int) (store.Page[int], error) {
	return func(after store.Cursor, n int) (store.Page[int], error) {
		from, _ := strconv.Atoi(string(after))
		to := min(from+n, len(all))
		page := store.Page[int]{Items: all[from:to], Total: len(all)}
		if to < len(all) {
			page.Next = store.Cursor(strconv.Itoa(to))
		}
		return page, nil
	}
}

func TestListingMergesPagesOfSites(t *testing.T) {
	lists := map[string][]int{"even": nil, "odd": nil, "none": nil}
	var want []int
	for i := range 5 * pageLength {
		want = append(want, i)
		lists[[]string{"even", "odd"}[i%2]] = append(lists[[]string{"even", "odd"}[i%2]], i)
	}
	l := listSites([]string{"odd", "none", "even"}, func(a, b int) bool { return a < b },
		func(site string, after store.Cursor, n int) (store.Page[int], error) {
			return numbers(lists[site])(after, n)
		})
	var got []int
	for item, err := range l.all() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, item)
	}
	if !slices.Equal(got, want) || l.total != len(want) {
		t.Errorf("%d of %d entries, in order: %v", len(got), l.total, slices.IsSorted(got))
	}
}

func TestListingEndsWithTheFirstError(t *testing.T) {
	broken := errors.New("broken")
	l := listSites([]string{"good", "bad"}, func(a, b int) bool { return a < b },
		func(site string, after store.Cursor, n int) (store.Page[int], error) {
			if site == "bad" && after != "" {
				return store.Page[int]{}, broken
			}
			return numbers(slices.Repeat([]int{1}, 2*pageLength))(after, n)
		})
	n := 0
	for _, err := range l.all() {
		if n++; err != nil {
			if !errors.Is(err, broken) || n < pageLength {
				t.Errorf("after %d entries: %v", n, err)
			}
			return
		}
	}
	t.Error("no error came")
}

func TestPickWantsOneThingForEachBeginning(t *testing.T) {
	words := []string{"anna", "annabel", "ben"}
	list := func() *listing[string] {
		return listSites([]string{"acme"}, func(a, b string) bool { return a < b },
			func(string, store.Cursor, int) (store.Page[string], error) {
				return store.Page[string]{Items: words}, nil
			})
	}
	self := func(s string) string { return s }
	if got, err := pick(list(), "name", self, []string{"B", "annab"}); err != nil || !slices.Equal(got, []string{"ben", "annabel"}) {
		t.Errorf("picked %v, %v", got, err)
	}
	_, err := pick(list(), "name", self, []string{"ann", "x", "", "ben"})
	const want = "2 name ids begin with \"ann\"; write more of the id\nno name has an id that begins with \"x\"\nno name has an id that begins with \"\""
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// What lists show of an id tells apart also mails that were made in one second.
func TestShortIDsDiffer(t *testing.T) {
	m := ticket.Mint{Random: rand.NewChaCha8([32]byte{1}), Hostname: "mx.acme.example"}
	seen := map[string]bool{}
	for range 1000 {
		n := m.Letter(ticket.Asked, "acme", "help", ticket.Mailbox{}, "en", time.Unix(1772442000, 0))
		if short := shortID(n.ID); seen[short] {
			t.Errorf("two are %s", short)
		} else {
			seen[short] = true
		}
	}
}
