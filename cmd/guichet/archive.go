package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"guichet/parser"
	"guichet/router"
	"guichet/smtpd"
	"guichet/store"
	"guichet/ticket"
)

const (
	// largestOld bounds one mail of an archive; a batch holds at least one, and
	// no more than these.
	largestOld = 64 << 20
	batchSize  = 16 << 20
	batchMails = 50
)

// archives are the mailboxes of former times. They are read twice: once for who
// answers whom, of which a few words a mail are kept, and then conversation by
// conversation.
type archives struct {
	files []archiveFile
	team  func(ticket.Address) bool
	// problem is told of mails that cannot be taken.
	problem  func(mail, why string)
	progress store.Progress
	mails    []*oldMail
	// byID is the conversation of each Message-ID that was named, by a digest.
	byID map[[8]byte]*oldMail
	own  map[[8]byte]bool // the Message-IDs of mails that are there
	// seen are all mails, twice those that are there more than once. passed and
	// total are in bytes.
	seen, twice   int
	passed, total int64
}

// archiveFile is an mbox, or one mail of a Maildir.
type archiveFile struct {
	name, path string
	at         time.Time // when it was last written
	alone      bool      // of a Maildir
}

// oldMail is where a mail lies, and what its header says.
type oldMail struct {
	file, number int // in the file, from 1
	offset, size int64
	// id is its Message-ID, or its digest where it is nameless.
	id       string
	nameless bool
	at       time.Time
	team     bool // one of ours wrote it
	machine  bool // nobody did
	joined   *oldMail
}

// openArchives finds the files of mboxes and Maildirs.
func (p *program) openArchives(names []string, team func(ticket.Address) bool, progress store.Progress) (*archives, error) {
	a := &archives{team: team, progress: progress, byID: map[[8]byte]*oldMail{}, own: map[[8]byte]bool{}}
	for _, name := range names {
		path := p.path(name)
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			a.add(name, path, info, false)
			continue
		}
		if err := a.addMaildir(name, path); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *archives) add(name, path string, info os.FileInfo, alone bool) {
	a.files = append(a.files, archiveFile{name, path, info.ModTime(), alone})
	a.total += info.Size()
}

func (a *archives) addMaildir(name, path string) error {
	found := false
	for _, folder := range []string{"cur", "new"} {
		entries, err := os.ReadDir(filepath.Join(path, folder))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		found = true
		for _, e := range entries {
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			a.add(filepath.Join(name, folder, e.Name()), filepath.Join(path, folder, e.Name()), info, true)
		}
	}
	if !found {
		return fmt.Errorf("%s is neither an mbox nor a Maildir: it has neither cur nor new", name)
	}
	return nil
}

// nameOf is how people find a mail again.
func (a *archives) nameOf(m *oldMail) string {
	f := a.files[m.file]
	if f.alone {
		return f.name
	}
	return fmt.Sprintf("%s, mail %d (byte %d)", f.name, m.number, m.offset)
}

func (a *archives) pass(size int64) {
	if a.passed += size; a.progress != nil {
		a.progress(int(a.passed>>10), int(2*a.total>>10))
	}
}

// took counts mails as passed for the second time.
func (a *archives) took(mails []*oldMail) {
	for _, m := range mails {
		a.pass(m.size)
	}
}

// scan reads the headers of all mails.
func (a *archives) scan(ctx context.Context) error {
	for n := range a.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := a.scanFile(n); err != nil {
			a.problem(a.files[n].name, "cannot be read: "+err.Error())
		}
	}
	return nil
}

func (a *archives) scanFile(n int) error {
	f, err := os.Open(a.files[n].path)
	if err != nil {
		a.seen++
		return err
	}
	defer f.Close()
	at, number := a.files[n].at, 0
	for piece, err := range parser.Pieces(f, largestOld) {
		if err != nil {
			return err
		}
		number++
		m := &oldMail{file: n, number: number, offset: piece.Offset, size: piece.Size}
		if date := a.note(m, piece, at); !date.IsZero() {
			at = date // of the next one that has none
		}
		a.pass(piece.Size)
	}
	return nil
}

// note keeps what is needed of a mail, and gives its date.
func (a *archives) note(m *oldMail, piece parser.Piece, before time.Time) time.Time {
	a.seen++
	head := parser.Parse(headOf(piece.Raw))
	from, err := ticket.ParseAddress(head.From.Address)
	switch {
	case piece.Long:
		a.problem(a.nameOf(m), fmt.Sprintf("larger than %d MB", largestOld>>20))
		return head.Date
	case len(bytes.TrimSpace(piece.Raw)) == 0:
		a.problem(a.nameOf(m), "empty")
		return head.Date
	case err != nil && !router.Machine(head):
		a.problem(a.nameOf(m), "nobody is named as its author")
		return head.Date
	}
	m.team, m.machine = err == nil && a.team(from), router.Machine(head)
	if m.at = head.Date; m.at.Year() < 1971 {
		m.at = before
	}
	if m.id = head.MessageID; m.id == "" {
		sum := sha256.Sum256(piece.Raw)
		m.id, m.nameless = "sha256:"+hex.EncodeToString(sum[:]), true
	}
	if a.own[digestOf(m.id)] {
		a.twice++
		return head.Date
	}
	a.own[digestOf(m.id)] = true
	a.mails = append(a.mails, m)
	for _, id := range slices.Concat([]string{m.id}, head.InReplyTo, head.References) {
		a.join(m, id)
	}
	return head.Date
}

// headOf is the header of a mail, with the empty line below it.
func headOf(raw []byte) []byte {
	for _, end := range []string{"\n\n", "\r\n\r\n"} {
		if i := bytes.Index(raw, []byte(end)); i >= 0 {
			raw = raw[:i+len(end)]
		}
	}
	return raw
}

func digestOf(id string) [8]byte {
	sum := sha256.Sum256([]byte(id))
	return [8]byte(sum[:8])
}

// join makes one conversation of a mail's and that of an identifier.
func (a *archives) join(m *oldMail, id string) {
	key := digestOf(id)
	if other := a.byID[key]; other != nil {
		if x, y := m.root(), other.root(); x != y {
			x.joined = y
		}
		return
	}
	a.byID[key] = m
}

// root stands for the conversation of a mail.
func (m *oldMail) root() *oldMail {
	for m.joined != nil {
		if m.joined.joined != nil {
			m.joined = m.joined.joined
		}
		m = m.joined
	}
	return m
}

// threads are the conversations, the oldest first, each with its mails by date.
func (a *archives) threads() [][]*oldMail {
	slices.SortStableFunc(a.mails, func(x, y *oldMail) int { return x.at.Compare(y.at) })
	place := map[*oldMail]int{}
	var out [][]*oldMail
	for _, m := range a.mails {
		n, ok := place[m.root()]
		if !ok {
			n = len(out)
			place[m.root()], out = n, append(out, nil)
		}
		out[n] = append(out[n], m)
	}
	return out
}

// batch parts off as many mails as are read and written at once.
func batch(mails []*oldMail) (now, later []*oldMail) {
	size := int64(0)
	for n, m := range mails {
		if size += m.size; n > 0 && (size > batchSize || n == batchMails) {
			return mails[:n], mails[n:]
		}
	}
	return mails, nil
}

// read reads mails whole. One that cannot be read any more is left out.
func (a *archives) read(mails []*oldMail) []router.Past {
	var out []router.Past
	for _, m := range mails {
		raw, err := a.raw(m)
		if err != nil {
			a.problem(a.nameOf(m), "cannot be read: "+err.Error())
			continue
		}
		message := parser.Parse(raw)
		out = append(out, router.Past{ID: m.id, Message: message, Raw: smtpd.CRLF(raw), At: cmp.Or(m.at, message.Date)})
	}
	return out
}

func (a *archives) raw(m *oldMail) ([]byte, error) {
	f, err := os.Open(a.files[m.file].path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for raw, err := range parser.Mbox(io.NewSectionReader(f, m.offset, m.size)) {
		return raw, err
	}
	return nil, io.ErrUnexpectedEOF
}
