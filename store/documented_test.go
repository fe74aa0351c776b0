package store_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"guichet/internal/testkit"
	"guichet/ticket"
)

// TestEveryKeyIsDocumented lets a ticket live through everything, and looks for
// each kind of key and field in docs/redis.md.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	w := onRedis(t)
	w.commit(w.canaries("x"))
	for i, d := range w.lease(9, time.Minute) {
		if _, err := w.Allow(ctx, d.Notice); err != nil {
			t.Fatal(err)
		}
		state := []ticket.DeliveryState{ticket.Failed, ticket.Delivered}[i%2]
		if err := w.Settle(ctx, d, ticket.Outcome{State: state}); err != nil {
			t.Fatal(err)
		}
	}
	if w.server == nil {
		t.Skip("no redis-server on this machine")
	}
	c := w.server.(*testkit.Redis).Client()
	defer c.Close()
	kinds := map[string]bool{}
	keys := c.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		kind := kindOf(keys.Val())
		kinds[kind] = true
		if !strings.Contains(string(page), kind) && !strings.Contains(string(page), volatileTag.ReplaceAllString(kind, "{~3}")) {
			t.Errorf("docs/redis.md does not name %s", keys.Val())
		}
		if c.Type(ctx, keys.Val()).Val() != "hash" || strings.Contains(kind, "}:by-") { // whose fields are digests and numbers
			continue
		}
		for field := range c.HGetAll(ctx, keys.Val()).Val() {
			name, _, _ := strings.Cut(field, ":")
			if !regexp.MustCompile(`(?m)(^    |hash +|, )` + name + `\b`).Match(page) {
				t.Errorf("docs/redis.md does not name the field %s of %s", field, kind)
			}
		}
	}
	if err := keys.Err(); err != nil || len(kinds) < 15 {
		t.Errorf("only %d kinds of keys, %v", len(kinds), err)
	}
}

var volatileTag = regexp.MustCompile(`\{~\d\}`)

// kindOf is what a key is without the thing that it names.
func kindOf(key string) string {
	key = strings.Replace(key, "{globex}", "{acme}", 1)
	parts := strings.Split(key, ":")
	switch {
	case len(parts) > 3 && (parts[2] == "outbox" || parts[2] == "chore"):
		return key
	case len(parts) > 3 && parts[2] == "tickets":
		return strings.Replace(key, "tickets:new", "tickets:open", 1)
	case len(parts) > 3:
		return strings.Join(parts[:3], ":") + ":"
	}
	return key
}
