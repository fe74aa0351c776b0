package parser

import "strings"

// unflow joins the lines that format=flowed broke (RFC 3676 §4): one that ends
// in a space goes on in the next, if that has the same quote depth. With delSp
// that space was added and is taken out. The signature mark "-- " is no flow.
func unflow(text string, delSp bool) string {
	var out strings.Builder
	out.Grow(len(text))
	open, openDepth := false, 0
	for l := range strings.SplitSeq(text, "\n") {
		depth := 0
		for depth < len(l) && l[depth] == '>' {
			depth++
		}
		rest := strings.TrimPrefix(l[depth:], " ") // space-stuffing
		flows := strings.HasSuffix(rest, " ") && rest != "-- "
		signature := rest == "-- "
		if flows && delSp {
			rest = rest[:len(rest)-1]
		}
		if open && depth == openDepth && !signature {
			out.WriteString(rest)
		} else {
			if out.Len() > 0 || open {
				out.WriteByte('\n')
			}
			if depth > 0 {
				out.WriteString(l[:depth])
				out.WriteByte(' ')
			}
			out.WriteString(rest)
		}
		open, openDepth = flows, depth
	}
	return out.String()
}
