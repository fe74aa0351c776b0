package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// mostNodes bounds what aliases can multiply.
const mostNodes = 2_000_000

// position is a place in the file, both from 1, the column in characters.
type position struct{ line, column int }

// decoder fills a Config from a YAML tree. It goes on after every mistake, so
// that all are told at once, and remembers where each value stood for the
// checks that come after.
type decoder struct {
	file     string
	dir      string // relative paths start here
	env      func(string) (string, bool)
	anchors  map[string]ast.Node
	where    map[string]position // by path, as sites[0].queues[1].address
	literal  map[string]bool     // paths of values that were written out, not referred to
	unread   []string            // paths of values that could not be read
	mistakes Mistakes
	nodes    int
	parsed   bool // the file was YAML, so its values can be checked further
}

// decode reads data into c. What is wrong is in d.mistakes afterwards.
func (d *decoder) decode(data []byte, c *Config) {
	root, err := d.parse(data)
	if err != nil {
		d.syntax(err, data)
		return
	}
	d.parsed = true
	d.where[""] = position{1, 1}
	d.object("", root, reflect.ValueOf(c).Elem(), nil, false)
}

// parse makes the tree. The library panics on a few malformed files; that is a
// syntax error like any other.
func (d *decoder) parse(data []byte) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, errors.New("this is not YAML that can be read")
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, err
	}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.NullType || doc.Body.Type() == ast.CommentType {
			continue
		}
		if root != nil {
			d.addAt(locate(doc.Body), "a second document begins", "keep all settings in one, without ---")
			break
		}
		root = doc.Body
		ast.Walk(anchorFinder(d.anchors), root)
	}
	return root, nil
}

// anchorFinder collects what anchors (&name) stand for.
type anchorFinder map[string]ast.Node

// Visit is for ast.Walk.
func (f anchorFinder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok && a.Name != nil {
		f[a.Name.GetToken().Value] = a.Value
	}
	return f
}

// syntax tells what the YAML library could not read.
func (d *decoder) syntax(err error, data []byte) {
	var syntax *yaml.SyntaxError
	if !errors.As(err, &syntax) || syntax.Token == nil {
		d.addAt(position{1, 1}, err.Error(), "")
		return
	}
	at := position{syntax.Token.Position.Line, syntax.Token.Position.Column}
	remedy := "see the lines up to here for a missing quote, colon or bracket, or a wrong indent"
	lines := strings.Split(string(data), "\n")
	if at.line <= len(lines) && strings.Contains(lines[at.line-1], "${") {
		remedy = `inside { } or [ ] write "${NAME}" in quotes`
	}
	d.addAt(at, syntax.Message, remedy)
}

// object fills the struct v from the mapping n; n may be nil, for defaults
// alone. settled says that v already holds inherited values. outer are the
// structs around v, the innermost last.
func (d *decoder) object(path string, n ast.Node, v reflect.Value, outer []reflect.Value, settled bool) {
	entries, ok := d.entries(path, n, v.Type())
	if !ok {
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		key := field.Tag.Get("yaml")
		if key == "-" || key == "" {
			continue
		}
		at := join(path, key)
		entry, present := entries[key]
		if present {
			d.where[at] = entry.at
			present = entry.value.Type() != ast.NullType
		}
		inherited := settled
		if field.Tag.Get("inherit") != "" && !settled {
			inherited = takeOver(v.Field(i), field.Name, outer)
		}
		switch {
		case isObject(field.Type):
			d.object(at, entry.value, v.Field(i), append(outer, v), inherited)
		case present:
			d.value(at, entry.value, v.Field(i), field.Tag, append(outer, v))
		case field.Tag.Get("required") != "":
			d.missing(path, at, key, field)
		case !inherited:
			d.setDefault(at, v.Field(i), field.Tag)
		}
	}
}

// entry is one key of a mapping.
type entry struct {
	at    position // of the value, or of the key where that is clearer
	value ast.Node
}

// entries reads the keys of a mapping, and tells of those that nobody knows. It
// reports false where n is no mapping.
func (d *decoder) entries(path string, n ast.Node, t reflect.Type) (map[string]entry, bool) {
	n = d.follow(n)
	if n == nil || n.Type() == ast.NullType {
		return nil, true
	}
	mapping, ok := n.(ast.MapNode)
	if !ok {
		d.add(path, fmt.Sprintf("%s is %s", name(path), kindOf(n)), "it is a group of settings: "+strings.Join(keysOf(t), ", "))
		return nil, false
	}
	entries := map[string]entry{}
	for it := mapping.MapRange(); it.Next(); {
		key, value := it.Key(), it.Value()
		at := locate(key)
		text := scalarText(key)
		if _, known := fieldOf(t, text); !known {
			d.addAt(at, fmt.Sprintf("%q is no setting%s", text, within(" of ", path)), remedyForKey(t, text))
			continue
		}
		if _, twice := entries[text]; twice {
			d.addAt(at, fmt.Sprintf("%q stands here a second time", text), "keep one of them")
			continue
		}
		if value = d.follow(value); value == nil {
			continue
		}
		if _, group := value.(ast.MapNode); !group && value.Type() != ast.NullType {
			at = locate(value)
		}
		entries[text] = entry{at, value}
	}
	return entries, true
}

// value fills a field that is not a struct of settings: a list or a scalar.
func (d *decoder) value(path string, n ast.Node, v reflect.Value, tag reflect.StructTag, outer []reflect.Value) {
	if v.Kind() != reflect.Slice {
		d.scalar(path, n, v, tag)
		return
	}
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(path, fmt.Sprintf("%s is %s", name(path), kindOf(n)), "it is a list: write each on a line of its own after a hyphen, or all in [ ]")
		return
	}
	items := reflect.MakeSlice(v.Type(), 0, len(list.Values))
	for i, n := range list.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.where[at] = locate(n)
		item := reflect.New(v.Type().Elem()).Elem()
		n = d.follow(n)
		switch {
		case n == nil: // follow has told why
			d.unread = append(d.unread, at)
		case n.Type() == ast.NullType:
			d.add(at, name(path)+" has an empty entry", "fill it or remove it")
		case isObject(item.Type()):
			d.object(at, n, item, outer, false)
		default:
			d.scalar(at, n, item, tag)
		}
		items = reflect.Append(items, item)
	}
	if items.Len() == 0 && tag.Get("required")+tag.Get("default") != "" {
		d.add(path, name(path)+" is empty", "name at least one"+exampleOf(tag))
	}
	v.Set(items)
}

// scalar fills one value from its text.
func (d *decoder) scalar(path string, n ast.Node, v reflect.Value, tag reflect.StructTag) {
	if _, ok := n.(ast.MapNode); ok || n.Type() == ast.SequenceType {
		d.add(path, fmt.Sprintf("%s is %s", name(path), kindOf(n)), "it is a single value"+exampleOf(tag))
		return
	}
	written := scalarText(n)
	text, problem := d.resolve(written)
	d.literal[path] = problem == nil && text == written
	if problem == nil {
		problem = d.set(v, text, tag)
	}
	if problem != nil {
		if d.literal[path] {
			written = mask(written)
		}
		d.add(path, fmt.Sprintf("%s is %s: %s", name(path), strconv.Quote(written), problem.what), problem.remedy)
	}
}

// setDefault fills a value that the file left out.
func (d *decoder) setDefault(path string, v reflect.Value, tag reflect.StructTag) {
	text, ok := tag.Lookup("default")
	if !ok {
		return
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		v = v.Index(0)
	}
	if problem := d.set(v, text, tag); problem != nil {
		d.add(path, fmt.Sprintf("the default of %s is %q: %s", name(path), text, problem.what), problem.remedy)
	}
}

// set gives v the value that text stands for, within the bounds of its tag.
func (d *decoder) set(v reflect.Value, text string, tag reflect.StructTag) *problem {
	if tag.Get("path") != "" && text != "" && !filepath.IsAbs(text) {
		text = filepath.Join(d.dir, text)
	}
	if choice := tag.Get("oneof"); choice != "" && !contains(choice, text) {
		return &problem{"not one of its values", "write " + orList(strings.Split(choice, "|"))}
	}
	if p := parseInto(v, text, d.dir); p != nil {
		return p
	}
	if p := checkBounds(v, tag); p != nil {
		return p
	}
	if form, ok := forms[tag.Get("check")]; ok && text != "" {
		canonical, p := form(text)
		if p != nil {
			return p
		}
		v.SetString(canonical)
	}
	return nil
}

// missing tells of a key that must be there.
func (d *decoder) missing(path, at, key string, field reflect.StructField) {
	remedy := "add for example " + key + ": " + field.Tag.Get("example")
	if t := field.Type; t.Kind() == reflect.Slice && isObject(t.Elem()) {
		remedy = "add " + key + ": and in it one with " + strings.Join(requiredOf(t.Elem()), ", ")
	}
	d.where[at] = d.at(path)
	d.add(at, fmt.Sprintf("%s is missing%s", key, within(" in ", path)), remedy)
}

// follow is what n stands for, once anchors, aliases and tags are taken off.
func (d *decoder) follow(n ast.Node) ast.Node {
	if n == nil {
		return nil
	}
	for range 100 {
		if d.nodes++; d.nodes > mostNodes {
			if d.nodes == mostNodes+1 {
				d.addAt(locate(n), "the aliases up to here make too many settings", "write fewer of them")
			}
			return nil
		}
		switch node := n.(type) {
		case *ast.AnchorNode:
			n = node.Value
		case *ast.TagNode:
			n = node.Value
		case *ast.AliasNode:
			target, ok := d.anchors[node.Value.GetToken().Value]
			if !ok {
				d.addAt(locate(n), "no anchor has this name", "write &"+node.Value.GetToken().Value+" before the value that is meant")
				return nil
			}
			n = target
		default:
			return n
		}
	}
	d.addAt(locate(n), "this alias leads back to itself", "write the value out")
	return nil
}

// at is the position of a path, or of the nearest that stands around it.
func (d *decoder) at(path string) position {
	for {
		if p, ok := d.where[path]; ok {
			return p
		}
		if path == "" {
			return position{1, 1}
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// add notes a mistake of the value at a path, which is not looked at further.
func (d *decoder) add(path, what, remedy string) {
	d.unread = append(d.unread, path)
	d.addAt(d.at(path), what, remedy)
}

// blame notes a mistake of values that could be read; one that follows from a
// value that could not is left out.
func (d *decoder) blame(path, what, remedy string) {
	for _, u := range d.unread {
		if u == "" || around(u, path) || around(path, u) {
			return
		}
	}
	d.addAt(d.at(path), what, remedy)
}

// around reports whether the value at path is, or holds, that at inner.
func around(path, inner string) bool {
	return strings.HasPrefix(inner, path) && (len(inner) == len(path) || inner[len(path)] == '.' || inner[len(path)] == '[')
}

func (d *decoder) addAt(p position, what, remedy string) {
	d.mistakes = append(d.mistakes, Mistake{File: d.file, Line: p.line, Column: p.column, What: what, Remedy: remedy})
}
