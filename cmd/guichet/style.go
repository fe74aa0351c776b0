package main

// style colours what a person reads. It does nothing where nobody can see it.
type style struct{ on bool }

// newStyle heeds https://no-color.org and terminals that cannot.
func newStyle(env environment) style {
	if noColor, _ := env.Getenv("NO_COLOR"); noColor != "" || !env.Terminal {
		return style{}
	}
	if term, _ := env.Getenv("TERM"); term == "dumb" {
		return style{}
	}
	return style{on: true}
}

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string { return s.paint("1", text) }
func (s style) good(text string) string { return s.paint("32", text) }
func (s style) wary(text string) string { return s.paint("33", text) }
