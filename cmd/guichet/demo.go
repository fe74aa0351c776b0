package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"os"
	"strings"
	"time"

	"guichet/config"
)

type demoCommand struct {
	Locale string `enum:"en,fr" default:"en" help:"Language of the demonstration: en or fr."`
	Quiet  bool   `help:"Show the steps without the mails."`
}

func (demoCommand) Help() string {
	return example("guichet demo", "guichet demo --locale fr") + `

It starts a daemon and a mail server on loopback, in a directory of its own
that is removed afterwards, and ends with 0 only if every step was seen to
happen.`
}

// demoWait bounds how long a mail may take that must come.
const demoWait = time.Minute

// Run plays a ticket's whole life: each step sends a mail over SMTP, and waits
// for those that must come of it.
func (c demoCommand) Run(ctx context.Context, p *program) error {
	dir, err := os.MkdirTemp("", "guichet-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	post, err := newPostOffice(ctx)
	if err != nil {
		return err
	}
	defer post.close()
	quiet := *p
	quiet.Stderr = io.Discard
	d, err := quiet.newDaemon(ctx, demoSettings(dir, c.Locale, post.address))
	if err != nil {
		return err
	}
	defer d.close()
	stopped := make(chan error, 1)
	go func() { stopped <- d.run(ctx, nil) }()

	play := &demo{p: p, c: c, post: post, server: d.listeners[0].Addr().String(), words: demoWords[c.Locale], last: map[string]*received{}}
	err = play.all(ctx)
	cancel()
	return errors.Join(err, <-stopped)
}

// demoSettings are the trial settings on free ports, with a mail server that
// takes what leaves. What leaves is what the steps bring, at every hour: no digest
// comes between.
func demoSettings(dir, locale, relay string) *config.Config {
	s := config.Trial(dir)
	s.SMTP.Listen = []string{"127.0.0.1:0"}
	host, port, _ := net.SplitHostPort(relay)
	via := config.Route{Scheme: config.ViaSMTP, Host: host, TLS: config.TLSNone}
	_, _ = fmt.Sscan(port, &via.Port)
	s.Outgoing.Via = via
	for i := range s.Sites {
		s.Sites[i].Outgoing.Via = via
		s.Sites[i].Locale, s.Sites[i].Locales = locale, []string{locale}
		for j := range s.Sites[i].Queues {
			s.Sites[i].Queues[j].Digest = ""
		}
	}
	return s
}

// demo plays the people.
type demo struct {
	p      *program
	c      demoCommand
	post   *postOffice
	server string
	words  demoText
	step   int
	last   map[string]*received // the newest mail of each person
	mails  []*received          // all that came
}

// demoText is what the people write, in one language.
type demoText struct {
	subject, request, answer, thanks, note, close, again string
	opens, answers, writes, notes, closes, reopens, ends string
	wrote, unseen, tracking, missing, tooMuch, leak      string
}

var demoWords = map[string]demoText{
	"en": {
		subject: "The badge reader at the door is dead",
		request: "Hello,\n\nsince this morning the badge reader at the back door shows no light, and nobody gets in.\n\nMarie Martin",
		answer:  "Hello Marie,\n\nis the little switch under the reader on? It is sometimes hit by accident.\n\nAnna",
		thanks:  "It was off. Now there is a green light, thank you!\n\nMarie",
		note:    "#note\nThird time this month. We should put a cover over that switch.",
		close:   "#close",
		again:   "I am sorry: this morning it is dark again.\n\nMarie",
		opens:   "Marie writes to %s", answers: "Anna answers from her mail program", writes: "Marie answers in the thread",
		notes: "Ben leaves a note for the team", closes: "Anna closes the ticket", reopens: "Marie answers once more: the ticket opens again",
		ends:    "Every step happened: %d mails in, %d mails out, and Marie never saw the note.",
		wrote:   "On Mon, 16 Mar 2026 at 09:12, %s wrote:",
		missing: "no mail came to %s", tooMuch: "a mail came that should not have: to %s, %s", leak: "the note reached %s",
		tracking: "no tracking code in the acknowledgement", unseen: "the subject lacks the reference: %s",
	},
	"fr": {
		subject: "Le lecteur de badges de la porte est éteint",
		request: "Bonjour,\n\ndepuis ce matin, le lecteur de badges de la porte de service n’affiche plus rien et personne ne peut entrer.\n\nMarie Martin",
		answer:  "Bonjour Marie,\n\nl’interrupteur sous le lecteur est-il bien allumé ? On le heurte parfois sans le vouloir.\n\nAnna",
		thanks:  "Il était éteint. La lumière est verte maintenant, merci !\n\nMarie",
		note:    "#note\nC’est la troisième fois ce mois-ci. Il faudrait protéger cet interrupteur.",
		close:   "#fermer",
		again:   "Je suis désolée : ce matin, il est de nouveau éteint.\n\nMarie",
		opens:   "Marie écrit à %s", answers: "Anna répond depuis son logiciel de messagerie", writes: "Marie répond dans le fil",
		notes: "Ben laisse une note à l’équipe", closes: "Anna ferme la demande", reopens: "Marie répond encore : la demande est rouverte",
		ends:    "Toutes les étapes ont eu lieu : %d messages reçus, %d envoyés, et Marie n’a jamais vu la note.",
		wrote:   "Le lun. 16 mars 2026 à 09:12, %s a écrit :",
		missing: "aucun message n’est arrivé pour %s", tooMuch: "un message de trop : pour %s, %s", leak: "la note est arrivée chez %s",
		tracking: "pas de code de suivi dans l’accusé de réception", unseen: "la référence manque dans l’objet : %s",
	},
}

var people = map[string]mail.Address{
	marie: {Name: "Marie Martin", Address: marie},
	anna:  {Name: "Anna Weber", Address: anna},
	ben:   {Name: "Ben Roux", Address: ben},
}

const (
	marie = "marie@customer.example"
	anna  = "anna@guichet.test"
	ben   = "ben@guichet.test"
	desk  = "help@guichet.test"
)

// all plays every step, then makes sure that nothing else left.
func (d *demo) all(ctx context.Context) error {
	w := d.words
	steps := []struct {
		says, from, text string
		to               []string // who must get a mail of it
	}{
		{fmt.Sprintf(w.opens, desk), marie, w.request, []string{marie, anna, ben}},
		{w.answers, anna, w.answer, []string{marie, ben}},
		{w.writes, marie, w.thanks, []string{anna, ben}},
		{w.notes, ben, w.note, []string{anna, ben}},
		{w.closes, anna, w.close, []string{marie, anna, ben}},
		{w.reopens, marie, w.again, []string{anna, ben}},
	}
	for i, s := range steps {
		d.step = i + 1
		fmt.Fprintf(d.p.Stdout, "%s\n", d.p.style.bold(fmt.Sprintf("%d. %s", d.step, s.says)))
		if err := d.send(ctx, s.from, s.text); err != nil {
			return err
		}
		for _, who := range s.to {
			if err := d.receive(ctx, who, i == 0 && who == marie); err != nil {
				return err
			}
		}
	}
	return d.conclude(len(steps))
}

// send writes a mail as a mail program does: a new one, or a reply to the last
// that this person got, with its quote below.
func (d *demo) send(ctx context.Context, from, text string) error {
	letter := written{from: people[from], to: desk, subject: d.words.subject, text: text, at: d.p.Now()}
	if last := d.last[from]; last != nil {
		letter.answer(last, d.words.wrote)
	}
	d.show("→", letter.from.String(), letter.to, letter.subject, text)
	return submit(ctx, d.server, letter.from.Address, []string{letter.to}, letter.bytes())
}

// receive waits for the next mail to somebody and shows it.
func (d *demo) receive(ctx context.Context, who string, acknowledgement bool) error {
	m, err := d.post.next(ctx, who)
	if err != nil {
		return fmt.Errorf(d.words.missing, who)
	}
	if !strings.Contains(m.subject, "[DEMO-1]") {
		return fmt.Errorf(d.words.unseen, m.subject)
	}
	if acknowledgement && !trackingCode.MatchString(m.message.Text) {
		return errors.New(d.words.tracking)
	}
	d.last[who] = m
	d.mails = append(d.mails, m)
	d.show("←", m.from, who, m.subject, m.message.Text)
	return nil
}

// conclude makes sure that no mail left but those that were waited for, and
// that the note stayed inside.
func (d *demo) conclude(sent int) error {
	for _, who := range []string{marie, anna, ben} {
		if m, ok := d.post.left(who); ok {
			return fmt.Errorf(d.words.tooMuch, who, m.subject)
		}
	}
	_, note, _ := strings.Cut(d.words.note, "\n")
	for _, m := range d.mails {
		if m.to == marie && strings.Contains(m.message.Text, note) {
			return fmt.Errorf(d.words.leak, marie)
		}
	}
	fmt.Fprintln(d.p.Stdout, d.p.style.good(fmt.Sprintf(d.words.ends, sent, len(d.mails))))
	return nil
}

// show prints a mail as it passes.
func (d *demo) show(arrow, from, to, subject, text string) {
	if d.c.Quiet {
		fmt.Fprintf(d.p.Stdout, "   %s %s: %s\n", arrow, to, printable(subject))
		return
	}
	s := d.p.style
	fmt.Fprintf(d.p.Stdout, "   %s %s\n   │ From: %s\n   │ To: %s\n   │ Subject: %s\n   │\n", s.wary(arrow), s.bold(to), printable(from), printable(to), printable(subject))
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		fmt.Fprintln(d.p.Stdout, strings.TrimRight("   │ "+printable(line), " "))
	}
	fmt.Fprintln(d.p.Stdout)
}
