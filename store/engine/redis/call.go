package redis

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"guichet/store/engine"
)

// call gathers the keys and arguments of one call of a script (calls.lua). Keys
// are named once, and then by their position.
type call struct {
	prefix string
	keys   []arg
	at     map[string]int
	args   []arg
	text   []byte // of keys and arguments
	size   int    // of the contents among args, in bytes
}

// arg is a key or an argument. go-redis is given pointers to them: a string or a
// number in their place would each take memory of its own.
type arg []byte

// MarshalBinary gives what go-redis writes.
func (a *arg) MarshalBinary() ([]byte, error) { return *a, nil }

// calls are used again: what a mail's needs is a tenth of all that is allocated
// for it.
var calls = sync.Pool{New: func() any { return &call{at: map[string]int{}} }}

func newCall(space engine.Space) *call {
	c := calls.Get().(*call)
	c.prefix = prefixOf(space)
	return c
}

// manyKeys is how many make a call too large to be kept.
const manyKeys = 100

// answered gives a call back that nobody will send again.
func (c *call) answered() {
	if len(c.keys) > manyKeys {
		return
	}
	clear(c.at)
	clear(c.keys)
	clear(c.args)
	c.keys, c.args, c.text, c.size = c.keys[:0], c.args[:0], c.text[:0], 0
	calls.Put(c)
}

// key gives the position of a record, index or pack, from 1.
func (c *call) key(name string) int {
	if i, found := c.at[name]; found {
		return i
	}
	from := len(c.text)
	c.text = append(append(c.text, c.prefix...), name...)
	c.keys = append(c.keys, c.text[from:])
	c.at[name] = len(c.keys)
	return len(c.keys)
}

// add adds text and whole numbers.
func (c *call) add(args ...any) {
	for _, a := range args {
		from := len(c.text)
		switch a := a.(type) {
		case string:
			c.text = append(c.text, a...)
		case int:
			c.text = strconv.AppendInt(c.text, int64(a), 10)
		case int64:
			c.text = strconv.AppendInt(c.text, a, 10)
		default:
			panic("redis: an argument is neither text nor a whole number")
		}
		c.args = append(c.args, c.text[from:])
	}
}

// content adds bytes that stay as they are until the call is done.
func (c *call) content(b []byte) {
	c.args = append(c.args, b)
	c.size += len(b)
}

func (c *call) batch(b engine.Batch) {
	operation := 0
	if b.Operation != "" {
		operation = c.key(b.Operation)
	}
	c.add(operation, b.Remember.Milliseconds(), len(b.Checks), len(b.Draws))
	for _, check := range b.Checks {
		switch {
		case check.Index != "":
			c.add("leased", c.key(check.Index), check.Entry.Member, int64(check.Entry.Score))
		case check.Want == nil:
			c.add("absent", c.key(check.Record), check.Field)
		default:
			c.add("equal", c.key(check.Record), check.Field)
			c.content(check.Want)
		}
	}
	for _, d := range b.Draws {
		c.add(c.key(d.Record), d.Field)
	}
	c.steps(b, operation)
	if len(c.keys) == 0 {
		c.key(syncKey) // an empty batch must go somewhere
	}
}

// steps adds what a batch does; what it puts last into the record of its operation
// goes with what it drew.
func (c *call) steps(b engine.Batch, operation int) {
	links, beside := c.link(b.Steps, operation)
	for i := range links {
		if links[i].n > 0 && i != beside {
			c.step(b.Steps, links, i)
		}
	}
	if b.Operation != "" {
		c.put(b.Steps, links, beside, operation, true)
		c.command("PEXPIRE", operation, b.Remember.Milliseconds())
	}
}

// number lets what was drawn take the place of an argument further on.
func (c *call) number(draw, on int) { c.add("number", draw, on) }

// command is one of Redis's, with one key and one argument.
func (c *call) command(name string, key int, arg any) { c.add(name, 1, key, arg) }

func (c *call) step(steps []engine.Step, links []link, i int) {
	s, key := &steps[i], links[i].key
	switch s.Do {
	case engine.DoPut, engine.DoPutNumber:
		c.put(steps, links, i, key, false)
	case engine.DoAdd:
		c.add("ZADD", 2*links[i].n, key)
		for ; i >= 0; i = links[i].next {
			c.add(int64(steps[i].Score), steps[i].Name)
		}
	case engine.DoPutAbsent:
		c.add("HSETNX", 2, key, s.Name)
		c.content(s.Value)
	case engine.DoPutAt:
		c.add("at", s.Record, s.Draw, s.Share)
		c.content(s.Value)
	case engine.DoDelete:
		c.command("HDEL", key, s.Name)
	case engine.DoDrop:
		c.add("UNLINK", 0, key)
	case engine.DoExpire:
		c.command("PEXPIRE", key, s.For.Milliseconds())
	case engine.DoAddEarlier:
		c.add("ZADD", 3, key, "LT", int64(s.Score), s.Name)
	case engine.DoRemove:
		c.add("ZREM", links[i].n, key)
		for ; i >= 0; i = links[i].next {
			c.add(steps[i].Name)
		}
	case engine.DoPlace:
		c.key(s.Index) // declared, though the script takes it by its name
		c.add("place", key, s.Field, s.Index, s.Name, int64(s.Score))
	case engine.DoUnplace:
		c.add("unplace", key, s.Field, s.Name)
	case engine.DoInclude:
		c.add("APPEND", 1, key)
		c.content(turned(s.Value))
	case engine.DoRepack:
		c.add("repack", key)
	case engine.DoExclude:
		c.add("exclude", key)
		c.content(turned(s.Value))
	}
}

// put sets fields of one record, also to numbers that the script draws, and beside
// them fieldNumbers where done is set. It begins with step i, or with none.
func (c *call) put(steps []engine.Step, links []link, i, key int, done bool) {
	n, numbers := 0, 0
	for at := i; at >= 0; at = links[at].next {
		if n++; steps[at].Do == engine.DoPutNumber {
			numbers++
		}
	}
	if done {
		n, numbers = n+1, numbers+1
	}
	value := 5 // arguments further on, behind what numbers are still to be told of
	for at := i; at >= 0; at, value = links[at].next, value+2 {
		if steps[at].Do == engine.DoPutNumber {
			numbers--
			c.number(steps[at].Draw, 3*numbers+value)
		}
	}
	if done {
		c.number(allDraws, value)
	}
	c.add("HSET", 2*n, key)
	for at := i; at >= 0; at = links[at].next {
		c.add(steps[at].Name)
		c.content(steps[at].Value)
	}
	if done {
		c.add(fieldNumbers, "")
	}
}

const (
	// fieldNumbers of an operation's record holds what was drawn, all of it.
	fieldNumbers = "numbers"
	allDraws     = -1
)

func (c *call) ask(a engine.Ask) {
	switch {
	case a.Names != nil:
		c.add("names", c.key(a.Record), *a.Names)
		return
	case a.Pack != nil:
		c.add("pack", c.key(a.Pack.Pack))
		return
	case a.Page == nil:
		c.add("record", c.key(a.Record))
	default:
		p, score, member := a.Page, "", ""
		if p.After != nil {
			score, member = strconv.FormatInt(int64(p.After.Score), 10), p.After.Member
		}
		c.add("page", c.key(p.Index), p.Record, p.Member, flag(p.Reverse), score, member, p.N)
	}
	c.fields(a.Fields)
	if a.Follow == nil {
		c.add(0)
		return
	}
	c.add(1, a.Follow.Field, a.Follow.Record)
	c.fields(a.Follow.Fields)
}

func (c *call) fields(names []string) {
	c.add(len(names))
	for _, name := range names {
		c.add(name)
	}
}

var errReply = errors.New("redis: a script's reply is not as it should be")

func parseAnswers(asks []engine.Ask, reply any) ([]engine.Answer, error) {
	list, ok := reply.([]any)
	if !ok || len(list) != len(asks) {
		return nil, errReply
	}
	out := make([]engine.Answer, len(asks))
	for i, ask := range asks {
		items, ok := list[i].([]any)
		if !ok {
			return nil, errReply
		}
		var err error
		if out[i], err = parseAnswer(ask, items); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseAnswer(ask engine.Ask, items []any) (a engine.Answer, err error) {
	if ask.Names != nil {
		for _, item := range items {
			name, ok := item.(string)
			if !ok {
				return a, errReply
			}
			a.Names = append(a.Names, name)
		}
		return a, nil
	}
	if ask.Pack != nil {
		if len(items) == 0 {
			return a, nil // there is no such pack
		}
		whole, ok := items[0].(string)
		if !ok {
			return a, errReply
		}
		a.Numbers = packRead(whole, *ask.Pack)
		return a, nil
	}
	if ask.Page != nil {
		if len(items) == 0 {
			return a, errReply
		}
		total, ok := items[0].(int64)
		if !ok {
			return a, errReply
		}
		a.Total, items = int(total), items[1:]
	}
	for _, item := range items {
		row, err := parseRow(ask, item)
		if err != nil {
			return a, err
		}
		a.Rows = append(a.Rows, row)
	}
	return a, nil
}

func parseRow(ask engine.Ask, item any) (row engine.Row, err error) {
	parts, ok := item.([]any)
	if !ok || len(parts) < 2 {
		return row, errReply
	}
	// An array from Lua ends before the nils at its end.
	for len(parts) < 5 {
		parts = append(parts, nil)
	}
	if row.Entry, err = parseEntry(parts[0], parts[1]); err != nil {
		return row, err
	}
	if parts[2] != nil {
		row.Fields = parseFields(ask.Fields, parts[2])
	}
	if reached, ok := parts[3].(string); ok {
		row.Reached = reached
	}
	if parts[4] != nil && ask.Follow != nil {
		row.Followed = parseFields(ask.Follow.Fields, parts[4])
	}
	return row, nil
}

func parseFields(names []string, values any) map[string][]byte {
	out := map[string][]byte{}
	list, _ := values.([]any)
	for i, v := range list {
		if s, ok := v.(string); ok && i < len(names) {
			out[names[i]] = []byte(s)
		}
	}
	return out
}

// parseEntry reads a member and its score, which Redis may write as 1.7e+15.
func parseEntry(member, score any) (engine.Entry, error) {
	m, ok := member.(string)
	s, isText := score.(string)
	if !ok || !isText {
		return engine.Entry{}, errReply
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return engine.Entry{}, fmt.Errorf("%w: %w", errReply, err)
	}
	return engine.Entry{Member: m, Score: engine.Score(f)}, nil
}

func parseEntries(reply any) ([]engine.Entry, error) {
	list, ok := reply.([]any)
	if !ok || len(list)%2 != 0 {
		return nil, errReply
	}
	var out []engine.Entry
	for i := 0; i < len(list); i += 2 {
		e, err := parseEntry(list[i], list[i+1])
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func parseCommitted(reply any) (engine.Committed, error) {
	list, ok := reply.([]any)
	if !ok || len(list) == 0 {
		return engine.Committed{}, errReply
	}
	var numbers []uint64
	for _, item := range list[1:] {
		text, _ := item.(string)
		n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
		if err != nil {
			return engine.Committed{}, fmt.Errorf("%w: %w", errReply, err)
		}
		numbers = append(numbers, n)
	}
	switch list[0] {
	case "conflict":
		return engine.Committed{}, &engine.Conflict{Check: int(numbers[0])}
	case "done", "repeat":
		return engine.Committed{Numbers: numbers, Repeat: list[0] == "repeat"}, nil
	}
	return engine.Committed{}, errReply
}
