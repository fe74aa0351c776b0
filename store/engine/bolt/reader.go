package bolt

import (
	"bytes"

	"guichet/store/engine"
)

// reader answers the asks of one Read.
type reader struct {
	*page
	space engine.Space
	// given are the followed records that an earlier row brought.
	given map[string]bool
}

func newReader(p *page, space engine.Space) *reader {
	return &reader{page: p, space: space, given: map[string]bool{}}
}

func (r *reader) all(asks []engine.Ask) []engine.Answer {
	out := make([]engine.Answer, len(asks))
	for i, ask := range asks {
		out[i] = r.one(ask)
	}
	return out
}

func (r *reader) one(ask engine.Ask) engine.Answer {
	switch {
	case ask.Names != nil:
		return engine.Answer{Names: r.names(r.record(ask.Record), *ask.Names)}
	case ask.Pack != nil:
		return engine.Answer{Numbers: r.numbers(name(string(r.space), ask.Pack.Pack), ask.Pack)}
	case ask.Page == nil:
		return engine.Answer{Rows: []engine.Row{r.row(ask.Record, engine.Entry{}, ask)}}
	}
	index := name(string(r.space), ask.Page.Index)
	answer := engine.Answer{Total: r.total(index)}
	for _, e := range r.entriesOf(index, ask.Page) {
		key := ""
		if ask.Page.Record != "" {
			key = ask.Page.Record + e.Member
		}
		answer.Rows = append(answer.Rows, r.row(key, e, ask))
	}
	return answer
}

func (r *reader) record(key string) []byte { return name(string(r.space), key) }

func (r *reader) row(key string, e engine.Entry, ask engine.Ask) engine.Row {
	row := engine.Row{Entry: e}
	if key == "" {
		return row
	}
	row.Fields = r.fieldsOf(key, ask.Fields)
	f := ask.Follow
	if f == nil {
		return row
	}
	reached := r.get(r.record(key), f.Field)
	if reached == nil {
		return row
	}
	row.Reached = string(reached)
	if next := f.Record + row.Reached; !r.given[next] {
		r.given[next] = true
		row.Followed = r.fieldsOf(next, f.Fields)
	}
	return row
}

func (r *reader) fieldsOf(key string, fields []string) map[string][]byte {
	record := r.record(key)
	out := map[string][]byte{}
	for _, f := range fields {
		if v := r.get(record, f); v != nil {
			out[f] = v
		}
	}
	return out
}

// entriesOf gives a page of an index.
func (p *page) entriesOf(index []byte, page *engine.Page) []engine.Entry {
	if page.Member != "" {
		score, found := p.score(index, page.Member)
		if !found {
			return nil
		}
		return []engine.Entry{{Member: page.Member, Score: score}}
	}
	var out []engine.Entry
	c := p.entries.Cursor()
	next := c.Next
	if page.Reverse {
		next = c.Prev
	}
	for k := firstOf(c, index, page); bytes.HasPrefix(k, index) && len(out) < page.N; k, _ = next() {
		rest := k[len(index):]
		out = append(out, engine.Entry{Member: string(rest[8:]), Score: decodeScore(rest)})
	}
	return out
}

// firstOf moves the cursor to the first entry of a page.
func firstOf(c *cursor, index []byte, page *engine.Page) (k []byte) {
	if !page.Reverse {
		from := index
		if page.After != nil {
			from = append(entryKey(index, *page.After), 0) // just behind it
		}
		k, _ = c.Seek(from)
		return k
	}
	// Backwards, the page begins before the first key that lies behind it.
	end := append(bytes.Clone(index[:len(index)-1]), 1)
	if page.After != nil {
		end = entryKey(index, *page.After)
	}
	if k, _ = c.Seek(end); k == nil {
		k, _ = c.Last()
		return k
	}
	k, _ = c.Prev()
	return k
}

// due gives the first entries of an index whose time has come.
func (p *page) due(space engine.Space, index string, n int) []engine.Entry {
	first := p.entriesOf(name(string(space), index), &engine.Page{N: n})
	for i, e := range first {
		if e.Score > p.now {
			return first[:i]
		}
	}
	return first
}
