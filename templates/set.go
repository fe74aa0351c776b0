// Package templates holds the words: every mail that leaves, in every language,
// as plain text and as HTML from one source.
//
// A language is one file (languages/en.txt) with a section for each kind of
// mail and one for single words. Filled with what a mail is about, a section
// gives a document, which is rendered twice: by textWriter, and by htmlWriter
// into layout.html.
// Requesters and agents are written to through different inputs, so that an
// internal note cannot be put into a mail to a requester.
package templates

import (
	"embed"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"guichet/ticket"
)

//go:embed languages/*.txt
var shipped embed.FS

// fallback is the language that the others are measured by, and that a site
// gets which asks for one we do not have.
const fallback = "en"

// Set is all the words: those shipped, and what sites put in their place.
type Set struct {
	shipped map[string]*catalogue
	sites   map[string]map[string]*catalogue
}

// Mail is what a mail says.
type Mail struct {
	Subject string
	// Text is text/plain; format=flowed (RFC 3676) with \n line ends.
	Text string
	HTML string
	// Locale is the language that it came to be written in.
	Locale string
}

// kinds are all mails that can be written.
var kinds = []ticket.NoticeKind{
	ticket.Acknowledgement, ticket.Receipt, ticket.Answer, ticket.ClosedNotice, ticket.ReopenedNotice, ticket.Reminder, ticket.LapsedNotice,
	ticket.Validation, ticket.CodeFailed, ticket.Asked, ticket.Done, ticket.Status, ticket.History, ticket.Export,
	ticket.AgentNew, ticket.AgentReply, ticket.AgentAnswer, ticket.AgentNote, ticket.AgentEvent, ticket.AnswerFailed, ticket.AgentHeld, ticket.Escalation,
	ticket.HeldDigest, ticket.Transcript, ticket.AgentList, ticket.AgentShow, ticket.ReportMail, ticket.Postmaster,
}

// chats are those that have a form of a few lines, for programs that show mail
// as a chat. All others are sent to these as their text alone.
var chats = []ticket.NoticeKind{
	ticket.Acknowledgement, ticket.Answer, ticket.ClosedNotice, ticket.ReopenedNotice,
	ticket.AgentNew, ticket.AgentReply, ticket.AgentAnswer, ticket.AgentNote, ticket.AgentEvent, ticket.Transcript,
}

func chatName(k ticket.NoticeKind) string { return "chat-" + string(k) }

func mailNames() []string {
	names := make([]string, 0, len(kinds)+len(chats))
	for _, k := range kinds {
		names = append(names, string(k))
	}
	for _, k := range chats {
		names = append(names, chatName(k))
	}
	return names
}

// New reads the languages that are shipped, and for each site named in
// overrides the files LANGUAGE.txt in its directory. These have the form of
// those shipped and hold only what the site wants otherwise; a language that is
// not shipped must be whole. Every mail of what was read is written once with
// sample data, so that a mistake shows at start and not when somebody waits for
// an answer. Errors name file and line.
func New(overrides map[string]string) (*Set, error) {
	s := &Set{shipped: map[string]*catalogue{}, sites: map[string]map[string]*catalogue{}}
	files, err := shipped.ReadDir("languages")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		name := path.Join("languages", f.Name())
		text, err := shipped.ReadFile(name)
		if err != nil {
			return nil, err
		}
		locale := strings.TrimSuffix(f.Name(), ".txt")
		if s.shipped[locale], err = parseCatalogue(locale, name, string(text), nil); err != nil {
			return nil, err
		}
	}
	for locale, c := range s.shipped {
		if err := s.whole(c, "languages/"+locale+".txt"); err != nil {
			return nil, err
		}
	}
	for _, site := range slices.Sorted(maps.Keys(overrides)) {
		if err := s.override(site, overrides[site]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// override reads the directory of a site; "" is none.
func (s *Set) override(site, dir string) error {
	if dir == "" {
		return nil
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("templates of site %s: %w", site, err)
	}
	s.sites[site] = map[string]*catalogue{}
	for _, f := range files {
		locale, ok := strings.CutSuffix(f.Name(), ".txt")
		if !ok || f.IsDir() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		name := filepath.Join(dir, f.Name())
		text, err := os.ReadFile(name)
		if err != nil {
			return fmt.Errorf("templates of site %s: %w", site, err)
		}
		c, err := parseCatalogue(locale, name, string(text), s.shipped[locale])
		if err != nil {
			return fmt.Errorf("templates of site %s: %w", site, err)
		}
		if err := s.whole(c, name); err != nil {
			return fmt.Errorf("templates of site %s: %w", site, err)
		}
		s.sites[site][locale] = c
	}
	return nil
}

// whole reports what a language lacks, or what of it does not work.
func (s *Set) whole(c *catalogue, file string) error {
	if lacks := c.missing(s.shipped[fallback]); len(lacks) > 0 {
		return fmt.Errorf("%s: lacks %s", file, strings.Join(lacks, ", "))
	}
	for _, kind := range kinds {
		for _, sample := range samples(kind, c.locale) {
			if _, err := sample.write(c); err != nil {
				return err
			}
		}
	}
	for name := range c.mails {
		if !strings.HasPrefix(name, ownValidation) {
			continue
		}
		for _, sample := range samples(ticket.Validation, c.locale) {
			in := sample.(ToRequester)
			in.Site.Validation.Template = name
			if _, err := in.write(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownValidation begins the names of further mails that bring a code, of which a
// site chooses one.
const ownValidation = string(ticket.Validation) + "-"

// Check reports a mail that the site's settings name and that is not there in
// one of its languages.
func (s *Set) Check(site *ticket.Site) error {
	name := site.Validation.Template
	for _, locale := range site.Locales {
		if c := s.catalogue(site, locale); name != "" && c.mails[name] == nil {
			return fmt.Errorf("site %s: no section -- %s -- in %s.txt of its templates", site.Name, name, locale)
		}
	}
	return nil
}

// catalogue is the words of a site in a language, or in the nearest there is.
func (s *Set) catalogue(site *ticket.Site, locale string) *catalogue {
	for _, l := range []string{locale, site.Locale(locale), fallback} {
		if c := s.sites[site.Name][l]; c != nil {
			return c
		}
		if c := s.shipped[l]; c != nil {
			return c
		}
	}
	return nil
}

// Via is the name before the queue's address in a mail to an agent that brings
// what somebody else wrote: Marie Martin via Acme support.
func (s *Set) Via(site *ticket.Site, locale string, who ticket.Mailbox, team string) string {
	return s.catalogue(site, locale).word("via", "who", name(who), "team", Line(team, 60))
}

// finish fills the source of one mail and renders it, with the site's footer.
func (c *catalogue) finish(name string, view any, bring map[string]block, subject, footer string) (Mail, error) {
	source, ok := c.mails[name]
	if !ok {
		return Mail{}, fmt.Errorf("templates: no mail is called %q", name)
	}
	d, err := source.fill(view, bring)
	if err != nil {
		return Mail{}, err
	}
	if footer = Line(footer, 500); footer != "" {
		d.add(block{Kind: smallBlock, Lines: []line{{{Text: footer}}}})
	}
	m := Mail{Subject: subject, Locale: c.locale}
	if d.subject != "" {
		m.Subject = Line(d.subject, largestSubject)
	}
	m.Text = d.text(c, ticket.QuoteMarker)
	m.HTML = d.html(c.locale, m.Subject, ticket.QuoteMarker, len(m.Text))
	return m, nil
}
