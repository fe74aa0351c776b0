package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"guichet/outbox"
	"guichet/store"
	"guichet/ticket"
)

type exportCommand struct {
	Address      string `arg:"" help:"Whose data."`
	Out          string `placeholder:"FILE|DIR" help:"A zip file, or a directory, that is not there yet. Without it guichet-export-DATE.zip."`
	Site         string `placeholder:"NAME" help:"Of this site only."`
	WithInternal bool   `name:"with-internal" help:"Also what the team wrote for itself, as it is."`
	Reason       string `placeholder:"TEXT" help:"Why, for the record. Name nobody."`
	JSON         bool   `name:"json" help:"One object with what was written."`
}

func (exportCommand) Help() string {
	return example("guichet export marie@customer.example", "guichet export marie@customer.example --out marie/ --reason \"asked for by mail\"") + `

Everything that is kept of a person, as they may have it: their requests with
what was written in them, their files, the mails to them that are still known.
Of others there are names, and no addresses. Of tickets of others there is what
the person wrote. The record of the act names nobody: see guichet acts.`
}

// export is a person's data on its way into a file.
type export struct {
	t     *tool
	c     exportCommand
	into  parcel
	sites map[string]ticket.Site
	now   time.Time
	done  exportObject
}

type exportObject struct {
	Out      string `json:"out"`
	Requests int    `json:"requests"`
	Files    int    `json:"files"`
	// Gone are files that are kept no more.
	Gone int `json:"gone"`
}

// Run writes a person's data.
func (c exportCommand) Run(ctx context.Context, p *program) error {
	return p.with(ctx, func(t *tool) (err error) {
		_, people, err := t.person(ctx, c.Address, c.Site, t.quietly(c.JSON))
		if err != nil {
			return err
		}
		e := &export{t: t, c: c, now: p.Now(), sites: map[string]ticket.Site{}}
		all, err := sitesOf(t.settings)
		if err != nil {
			return err
		}
		for _, s := range all {
			e.sites[s.Name] = s
		}
		if c.Out == "" {
			c.Out = "guichet-export-" + e.now.Format(time.DateOnly) + ".zip"
		}
		e.done.Out = c.Out
		if e.into, err = p.newParcel(c.Out, e.now); err != nil {
			return err
		}
		for _, person := range people {
			if err = e.person(ctx, person); err != nil {
				break
			}
		}
		if err = e.into.close(err); err != nil {
			return err
		}
		return e.tell(ctx, people)
	})
}

// person writes what one site keeps.
func (e *export) person(ctx context.Context, p *store.Person) error {
	site := e.sites[p.Site]
	mailbox := ticket.Mailbox{Address: p.Address}
	for _, t := range p.Own {
		mailbox.Name = t.Requester().Name
	}
	out := outbox.NewExport(&site, mailbox, e.now)
	for _, t := range append(p.Own[:len(p.Own):len(p.Own)], p.Others...) {
		if err := e.request(ctx, &site, t, p.Address, &out); err != nil {
			return fmt.Errorf("%s: %w", t.Reference, err)
		}
	}
	w, err := e.into.create(path.Join(p.Site, "export.json"))
	if err != nil {
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return errors.Join(enc.Encode(out), w.Close())
}

func (e *export) request(ctx context.Context, site *ticket.Site, t *ticket.Ticket, who ticket.Address, out *outbox.Exported) error {
	articles, err := e.t.articles(ctx, t)
	if err != nil {
		return err
	}
	r, ok := outbox.ExportRequest(site, t, articles, who)
	if !ok {
		return nil
	}
	notices, err := e.t.store.Notices(ctx, t.Site, t.ID)
	if err != nil {
		return err
	}
	r.AddMails(notices)
	if e.c.WithInternal && !r.Another {
		r.AddNotes(t, articles)
	}
	n := 0
	for _, entries := range [][]outbox.ExportedEntry{r.Messages, r.Notes} {
		for i := range entries {
			for j := range entries[i].Files {
				n++
				if err := e.file(ctx, t, &entries[i].Files[j], n); err != nil {
					return err
				}
			}
		}
	}
	out.Requests = append(out.Requests, r)
	e.done.Requests++
	return nil
}

// file writes a file beside the export; its number keeps names apart.
func (e *export) file(ctx context.Context, t *ticket.Ticket, f *outbox.ExportedFile, n int) error {
	if f.Blob == "" {
		return nil
	}
	r, err := e.t.store.OpenBlob(ctx, t.Site, t.ID, f.Blob)
	if errors.Is(err, store.ErrBlobGone) {
		e.done.Gone++
		return nil
	}
	if err != nil {
		return err
	}
	defer r.Close()
	f.Path = path.Join(t.Reference.String(), fmt.Sprintf("%d-%s", n, path.Base(f.Name)))
	w, err := e.into.create(path.Join(t.Site, f.Path))
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	e.done.Files++
	return errors.Join(err, w.Close())
}

// tell says what was written, and keeps the record of it.
func (e *export) tell(ctx context.Context, people []*store.Person) error {
	for _, p := range people {
		who, err := e.t.store.Who(ctx, p.Site, p.Address)
		if err != nil {
			return err
		}
		act := store.Act{Site: p.Site, Did: store.ActExported, By: e.t.operator(), Why: e.c.Reason, Who: who[0], Tickets: len(p.Own)}
		if err := e.t.store.RecordAct(ctx, act); err != nil {
			return err
		}
	}
	if e.c.JSON {
		return e.t.object(e.done)
	}
	fmt.Fprintf(e.t.Stdout, "%s: %s, %s.\n", e.done.Out, count(e.done.Requests, "request"), count(e.done.Files, "file"))
	if e.done.Gone > 0 {
		fmt.Fprintf(e.t.Stdout, "%s kept no more.\n", plural(e.done.Gone, "file is", "files are"))
	}
	fmt.Fprintln(e.t.Stdout, "It holds everything about somebody: send it to nobody else, and delete it when they have it.")
	return nil
}

// parcel is a new zip file or a new directory.
type parcel interface {
	create(name string) (io.WriteCloser, error)
	// close completes it, or, after an error, removes it.
	close(error) error
}

func (p *program) newParcel(out string, now time.Time) (parcel, error) {
	name := p.path(out)
	if !strings.HasSuffix(out, ".zip") {
		if err := os.Mkdir(name, 0o700); err != nil {
			return nil, err
		}
		root, err := os.OpenRoot(name)
		return &directory{name, root}, err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	return &zipFile{f, zip.NewWriter(f), now}, nil
}

type directory struct {
	name string
	root *os.Root
}

func (d *directory) create(name string) (io.WriteCloser, error) {
	if err := d.root.MkdirAll(path.Dir(name), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

func (d *directory) close(err error) error {
	err = errors.Join(err, d.root.Close())
	if err != nil {
		return errors.Join(err, os.RemoveAll(d.name))
	}
	return nil
}

type zipFile struct {
	file *os.File
	zip  *zip.Writer
	now  time.Time
}

func (z *zipFile) create(name string) (io.WriteCloser, error) {
	w, err := z.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: z.now})
	return unclosed{w}, err
}

func (z *zipFile) close(err error) error {
	err = errors.Join(err, z.zip.Close(), z.file.Sync(), z.file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(z.file.Name()))
	}
	return nil
}

// unclosed is a part of a zip file, which the next part ends.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }
