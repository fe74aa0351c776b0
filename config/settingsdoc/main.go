// Command settingsdoc writes docs/settings.md from the source of the settings,
// so that what is checked and what is documented cannot differ.
package main

import (
	_ "embed"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
)

//go:embed intro.md
var intro string

func main() {
	source := flag.String("source", "config.go", "the file that describes the settings")
	out := flag.String("o", "", "the file to write")
	flag.Parse()
	text, err := Settings(*source)
	if err == nil {
		err = os.WriteFile(*out, []byte(text), 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "settingsdoc:", err)
		os.Exit(1)
	}
}

// Settings is the documentation of the settings that the structs of a Go file
// describe.
func Settings(source string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	w := writer{groups: map[string]group{}}
	for _, decl := range file.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			continue
		}
		for _, spec := range gen.Specs {
			spec := spec.(*ast.TypeSpec)
			if s, ok := spec.Type.(*ast.StructType); ok {
				w.groups[spec.Name.Name] = group{s.Fields.List, firstParagraph(gen.Doc.Text())}
			}
		}
	}
	w.text.WriteString(strings.TrimRight(intro, "\n") + "\n")
	w.group("", "Config")
	return w.text.String(), w.err
}

// group is one struct of settings.
type group struct {
	fields []*ast.Field
	doc    string
}

type writer struct {
	groups map[string]group
	text   strings.Builder
	err    error
}

// group writes the table of a struct, then those of the structs in it.
func (w *writer) group(path, typeName string) {
	g := w.groups[typeName]
	if path == "" {
		w.text.WriteString("\n## The top level\n")
	} else {
		fmt.Fprintf(&w.text, "\n## %s\n\n%s\n", path, g.doc)
	}
	var rows, inner []func()
	for _, field := range g.fields {
		tag := tagOf(field)
		key := tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		kind, list := typeOf(field.Type)
		below := strings.TrimPrefix(path+"."+key, ".")
		_, nested := w.groups[kind]
		switch {
		case nested && tag.Get("inherit") != "":
			inner = append(inner, func() {
				fmt.Fprintf(&w.text, "\n## %s\n\nThe keys of [%s](#%s), for this site alone. What is left out is as there.\n", below, key, key)
			})
		case nested && list:
			inner = append(inner, func() { w.group(below+"[]", kind) })
		case nested:
			inner = append(inner, func() { w.group(below, kind) })
		default:
			rows = append(rows, func() { w.row(path, key, kind, list, tag, field.Doc.Text()) })
		}
	}
	if len(rows) > 0 {
		w.text.WriteString("\n| key | value | default | meaning | example |\n|---|---|---|---|---|\n")
	}
	for _, write := range append(rows, inner...) {
		write()
	}
}

// row writes one setting.
func (w *writer) row(path, key, kind string, list bool, tag reflect.StructTag, doc string) {
	doc = strings.Join(strings.Fields(doc), " ")
	example := tag.Get("example")
	if doc == "" || example == "" {
		w.err = fmt.Errorf("%s.%s needs a comment and an example", path, key)
	}
	fmt.Fprintf(&w.text, "| `%s` | %s | %s | %s | `%s` |\n", key, valueOf(kind, list, tag), defaultOf(path, tag), cell(doc), cell(key+": "+example))
}

// valueOf says in words what a setting takes.
func valueOf(kind string, list bool, tag reflect.StructTag) string {
	words := map[string]string{
		"bool": "`true` or `false`", "int": "number", "Size": "size", "Duration": "length of time",
		"Prefix": "network", "Location": "time zone", "Redis": "URL", "Blobs": "URL or path", "Route": "URL",
		"Week": "hours of weekdays", "WorkTime": "business time", "Percent": "percentage",
	}
	text := words[kind]
	switch {
	case tag.Get("oneof") != "":
		text = "`" + strings.Join(strings.Split(tag.Get("oneof"), "|"), "`, `") + "`"
	case tag.Get("path") != "":
		text = "path"
	case text == "":
		forms := map[string]string{"address": "mail address", "domain": "domain", "listen": "host:port", "name": "short name", "socket": "host:port or path", "hour": "hour", "days": "date, or two with .. between", "week hour": "day of the week and hour", "month hour": "day of the month and hour", "http": "URL", "link": "URL", "lookup": "URL", "": "text"}
		text = forms[tag.Get("check")]
	}
	switch least, most := tag.Get("min"), tag.Get("max"); {
	case least != "" && most != "":
		text += ", " + least + " to " + most
	case least != "":
		text += ", at least " + least
	case most != "":
		text += ", at most " + most
	}
	if list {
		text = "list: " + text
	}
	return text
}

func defaultOf(path string, tag reflect.StructTag) string {
	value, ok := tag.Lookup("default")
	switch {
	case tag.Get("required") != "":
		return "**needed**"
	case tag.Get("inherit") != "" && strings.HasSuffix(path, ".queues[]"):
		return "the site's"
	case tag.Get("inherit") != "" && strings.Contains(path, ".service."):
		return "that of `service`"
	case tag.Get("inherit") != "":
		return "the general one"
	case !ok:
		return ""
	}
	return "`" + cell(value) + "`"
}

// cell is text that a table holds.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func tagOf(field *ast.Field) reflect.StructTag {
	if field.Tag == nil {
		return ""
	}
	tag, _ := strconv.Unquote(field.Tag.Value)
	return reflect.StructTag(tag)
}

// typeOf is the last name of a type, and whether it is a list of it.
func typeOf(expr ast.Expr) (name string, list bool) {
	switch t := expr.(type) {
	case *ast.Ident:
		return t.Name, false
	case *ast.SelectorExpr:
		return t.Sel.Name, false
	case *ast.StarExpr:
		return typeOf(t.X)
	case *ast.ArrayType:
		name, _ = typeOf(t.Elt)
		return name, true
	}
	return "", false
}

func firstParagraph(doc string) string {
	first, _, _ := strings.Cut(doc, "\n\n")
	return strings.Join(strings.Fields(first), " ")
}
