//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// line is a verdict in one line, as it is told when it falls.
func (v *verdict) line() string {
	switch {
	case v.Skipped != "":
		return fmt.Sprintf("%s on %s: skipped, %s", v.Fault, v.Engine, v.Skipped)
	case !v.good():
		return fmt.Sprintf("%s on %s: WRONG, %d mails in %s", v.Fault, v.Engine, v.Sent, v.Took.Round(time.Second))
	}
	return fmt.Sprintf("%s on %s: kept, %d mails in %s", v.Fault, v.Engine, v.Sent, v.Took.Round(time.Second))
}

// report writes a line for each fault, and then what is wrong.
func report(w io.Writer, verdicts []*verdict, asJSON bool) {
	if asJSON {
		enc := json.NewEncoder(w)
		for _, v := range verdicts {
			_ = enc.Encode(v)
		}
		return
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "fault\tengine\tfaults\tmails\t250\t4xx\tunheard\trepeats\tlost\ttruncated\tdoubled\thalf\tnotices\tsent again\tdoubled notices\tunsent\tcheck\ttime\t")
	for _, v := range verdicts {
		if v.Skipped != "" {
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t\n", v.Fault, v.Engine, v.Faults, v.Sent, v.Accepted,
			v.Deferred, v.Unheard, v.Repeats, v.Lost, v.Truncated, v.Doubled, v.Half, v.Notices, v.Again, v.DoubledNotices, v.Unsent, v.Check, v.Took.Round(time.Second))
	}
	t.Flush()
	for _, v := range verdicts {
		if v.Skipped != "" {
			fmt.Fprintf(w, "skipped: %s on %s: %s\n", v.Fault, v.Engine, v.Skipped)
		}
		for _, text := range v.Wrong {
			fmt.Fprintf(w, "wrong: %s on %s: %s\n", v.Fault, v.Engine, text)
		}
	}
}
