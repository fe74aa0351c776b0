package parser

import "slices"

// problems gathers what was broken in a message and mended.
type problems map[string]struct{}

func (p *problems) add(what string) {
	if *p == nil {
		*p = problems{}
	}
	(*p)[what] = struct{}{}
}

// list is each problem once, sorted; never nil.
func (p problems) list() []string {
	list := make([]string, 0, len(p))
	for what := range p {
		list = append(list, what)
	}
	slices.Sort(list)
	return list
}
