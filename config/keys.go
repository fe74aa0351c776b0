package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// leaves are the structs that are written as one value.
var leaves = []reflect.Type{
	reflect.TypeFor[Redis](), reflect.TypeFor[Blobs](), reflect.TypeFor[Route](),
	reflect.TypeFor[netip.Prefix](), reflect.TypeFor[time.Location](), reflect.TypeFor[WorkTime](),
}

// isObject reports whether a type is written as a group of keys.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !slices.Contains(leaves, t)
}

// takeOver sets v from the field of this name and type of the innermost struct
// around it that has one.
func takeOver(v reflect.Value, name string, outer []reflect.Value) bool {
	for _, o := range slices.Backward(outer) {
		if f := o.FieldByName(name); f.IsValid() && f.Type() == v.Type() {
			v.Set(f)
			return true
		}
	}
	return false
}

// fieldOf is the field that a key names.
func fieldOf(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("yaml") == key && key != "-" && key != "" {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// keysOf is the keys of a struct in the order of their description.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("yaml"); key != "-" && key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// requiredOf is the keys of a struct that must be there.
func requiredOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag; tag.Get("required") != "" {
			keys = append(keys, tag.Get("yaml"))
		}
	}
	return keys
}

// remedyForKey says what an unknown key of t may have meant: a key that is
// nearly written so, or the group that this key belongs to.
func remedyForKey(t reflect.Type, key string) string {
	best, least := "", max(2, len(key)/3)+1
	for _, known := range keysOf(t) {
		if n := distance(strings.ToLower(key), known); n < least {
			best, least = known, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if homes := homesOf(reflect.TypeFor[Config](), key, ""); len(homes) > 0 {
		return "it belongs to " + orList(homes)
	}
	return "known here are " + strings.Join(keysOf(t), ", ")
}

// homesOf is where in the settings a key is known.
func homesOf(t reflect.Type, key, path string) []string {
	var homes []string
	if _, ok := fieldOf(t, key); ok {
		if path == "" {
			path = "the top level"
		}
		return []string{path}
	}
	for i := range t.NumField() {
		f := t.Field(i)
		k, inner := f.Tag.Get("yaml"), f.Type
		if inner.Kind() == reflect.Slice {
			k, inner = k+"[]", inner.Elem()
		}
		if f.Tag.Get("yaml") != "-" && isObject(inner) {
			homes = append(homes, homesOf(inner, key, join(path, k))...)
		}
	}
	return homes
}

// distance is how many characters must be changed, put in, left out or swapped
// with their neighbour to make b of a.
func distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j]+cost, above[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// name is how a mistake calls the value at a path: by its last keys, which
// together with the line is enough.
func name(path string) string {
	if path == "" {
		return "the file"
	}
	if i := strings.LastIndexByte(path, ']'); i >= 0 && i+1 < len(path) {
		return path[i+2:]
	}
	if i := strings.LastIndexByte(path, '['); i >= 0 {
		return "an entry of " + name(path[:i])
	}
	return path
}

// within tells in which group a key stands.
func within(word, path string) string {
	if path == "" {
		return ""
	}
	return word + path
}

// exampleOf is the end of a remedy: how the value may look.
func exampleOf(tag reflect.StructTag) string {
	if example := tag.Get("example"); example != "" {
		return ", as " + example
	}
	return ""
}

func contains(choice, text string) bool { return slices.Contains(strings.Split(choice, "|"), text) }

// orList is "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// locate is where a node begins, as an editor counts.
func locate(n ast.Node) position {
	tk := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		tk = m.Values[0].Key.GetToken()
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		tk = m.Key.GetToken()
	}
	if tk == nil || tk.Position == nil {
		return position{1, 1}
	}
	return position{max(1, tk.Position.Line), max(1, tk.Position.Column)}
}

// scalarText is a scalar as it was written, so that a client number 007 stays
// one.
func scalarText(n ast.Node) string {
	switch node := n.(type) {
	case *ast.LiteralNode:
		return strings.TrimSuffix(node.Value.Value, "\n")
	case *ast.MappingKeyNode:
		if node.Value == nil {
			return ""
		}
		return scalarText(node.Value)
	case *ast.NullNode:
		return ""
	}
	if tk := n.GetToken(); tk != nil {
		return tk.Value
	}
	return ""
}

// kindOf says what stands where something else was wanted.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "a group of settings here"
	case *ast.SequenceNode:
		return "a list here"
	}
	if tk := n.GetToken(); tk != nil && (tk.Type == token.SingleQuoteType || tk.Type == token.DoubleQuoteType) {
		return "a text here"
	}
	return "a single value here"
}
