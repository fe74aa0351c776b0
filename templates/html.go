package templates

import (
	_ "embed"
	"html/template"
	"net/url"
	"strings"
)

//go:embed layout.html
var layoutText string

var layout = template.Must(template.New("layout").Funcs(template.FuncMap{
	"spaces": keepSpaces,
	"add":    func(a, b int) int { return a + b },
	"cid":    func(id string) template.URL { return template.URL("cid:" + url.PathEscape(id)) },
}).Parse(layoutText))

// page is what the layout is filled with.
type page struct {
	Locale, Subject, Marker string
	Blocks                  []block
}

// html renders the document.
func (d *document) html(locale, subject, marker string) (string, error) {
	var b strings.Builder
	err := layout.ExecuteTemplate(&b, "page", page{locale, subject, marker, d.blocks})
	return b.String(), err
}

// keepSpaces keeps the spaces that indent a line or part its columns, which
// HTML would lose and of which Outlook's white-space knows nothing.
func keepSpaces(s string) string {
	if !strings.HasPrefix(s, " ") && !strings.Contains(s, "  ") {
		return s
	}
	s = strings.ReplaceAll(s, "  ", "\u00a0 ")
	if strings.HasPrefix(s, " ") {
		s = "\u00a0" + s[1:]
	}
	return s
}
