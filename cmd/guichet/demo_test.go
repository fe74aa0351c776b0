package main

import "testing"

// A digest that leaves beside the steps of the demonstration is a mail that it
// does not wait for: between seven in the morning and seven in the evening one
// would, now and then.
func TestDemoOwesNothingByTheHour(t *testing.T) {
	sites, err := sitesOf(demoSettings(t.TempDir(), "fr", "127.0.0.1:25"))
	if err != nil || len(sites) == 0 {
		t.Fatal(sites, err)
	}
	for _, site := range sites {
		for _, queue := range site.Queues {
			if queue.Digest != "" || len(queue.Agents) == 0 {
				t.Errorf("%s: digest %q, agents %v", queue.Name, queue.Digest, queue.Agents)
			}
		}
	}
}
