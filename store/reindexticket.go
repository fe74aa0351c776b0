package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"guichet/store/engine"
	"guichet/ticket"
)

// ticket holds that a ticket opens with all its articles and files, and that
// everything leads to it that should.
func (x *reindexing) ticket(ctx context.Context, r room, id ticket.ID) error {
	record, all := recordTicket(id), ""
	answers, err := r.read(ctx, "a ticket",
		engine.Ask{Record: record, Fields: append([]string{fieldTracked, fieldInState, fieldInQueue, fieldInOwn, fieldLegalHold, fieldFoundBy}, ticketFields...)},
		engine.Ask{Record: record, Names: &all})
	if err != nil {
		return err
	}
	fields, names := answers[0].Rows[0].Fields, answers[1].Names
	if len(fields) == 0 {
		return nil // erased meanwhile
	}
	t, err := r.openTicket(id, fields)
	if err != nil {
		return x.differs(r, record, "it cannot be opened: "+err.Error(), nil)
	}
	articles, err := x.articles(ctx, r, t)
	if err != nil {
		return err
	}
	lacks, err := r.lacks(ctx, t, fields, names)
	if err != nil {
		return err
	}
	if len(lacks) > 0 {
		err = x.differs(r, record, strings.Join(lacks, "; "), func() error { return r.leadTo(ctx, t, names) })
		if err != nil {
			return err
		}
	}
	if articles == nil {
		return nil
	}
	lack, err := r.notIndexed(ctx, t, articles, fields[fieldFoundBy])
	if err != nil || lack == "" {
		return err
	}
	return x.differs(r, record, lack, func() error { return r.indexAnew(ctx, id) })
}

// standsIn is an index in which a ticket should stand, and the field that names it.
type standsIn struct {
	field, index string
	at           engine.Entry
}

func (r room) placesOf(t *ticket.Ticket) []standsIn {
	id := t.ID.String()
	places := []standsIn{
		{fieldInState, indexState(t.State), engine.Entry{Member: id, Score: engine.At(t.Changed)}},
		{fieldInQueue, indexQueue(t.State, t.Queue), engine.Entry{Member: id, Score: engine.At(t.Changed)}},
	}
	if address := t.Requester().Address; address != "" {
		places = append(places, standsIn{fieldInOwn, indexOwn(r.person(address)), engine.Entry{Member: id, Score: engine.At(t.Opened)}})
	}
	return places
}

// lacks says what should lead to a ticket and does not. Nothing counts when the
// ticket has changed since it was read.
func (r room) lacks(ctx context.Context, t *ticket.Ticket, fields map[string][]byte, names []string) ([]string, error) {
	places := r.placesOf(t)
	asks := []engine.Ask{{Record: recordTicket(t.ID), Fields: []string{fieldVersion}}}
	for _, p := range places {
		asks = append(asks, standing(p.index, p.at.Member))
	}
	postings := r.postingsOf(t, names)
	for _, p := range postings {
		asks = append(asks, p.ask())
	}
	answers, err := r.read(ctx, "what leads to a ticket", asks...)
	if err != nil || string(answers[0].Rows[0].Fields[fieldVersion]) != string(fields[fieldVersion]) {
		return nil, err
	}
	var lacks []string
	for i, p := range places {
		if string(fields[p.field]) != p.index || !stands(answers[1+i], p.at) {
			kind, _, _ := strings.Cut(p.index, ":")
			if kind+":" != prefixOwn {
				kind = p.index
			}
			lacks = append(lacks, kind+" lacks it")
		}
	}
	for i, p := range postings {
		to := answers[1+len(places)+i].Rows[0].Reached
		if to == "" || to != t.ID.String() && !p.first {
			lacks = append(lacks, p.of+" does not lead to it")
		}
	}
	if (fields[fieldLegalHold] != nil) != t.LegalHold {
		lacks = append(lacks, "the mark of a legal hold is wrong")
	}
	return lacks, nil
}

// wantedPosting is one that should lead to a ticket.
type wantedPosting struct {
	posting
	of string
	// first is set where it leads to the first ticket that wants it, and stays there.
	first bool
}

func (p wantedPosting) put(id ticket.ID) engine.Step {
	if p.first {
		return p.putFirst(id)
	}
	return p.posting.put(id)
}

// postingsOf are those that should lead to a ticket.
func (r room) postingsOf(t *ticket.Ticket, names []string) []wantedPosting {
	postings := []wantedPosting{{posting: postingOfNumber(t.Reference.Number), of: "its number"}}
	if t.Tracking != "" {
		postings = append(postings, wantedPosting{posting: r.trackingPosting(t.Tracking), of: "its tracking code"})
	}
	for _, name := range names {
		if d, found := strings.CutPrefix(name, prefixMessageField); found {
			postings = append(postings, wantedPosting{postingOf(digest(d)), "a message of it", true})
		}
	}
	return postings
}

// leadTo makes everything lead to a ticket that should, if it has not changed.
func (r room) leadTo(ctx context.Context, t *ticket.Ticket, names []string) error {
	d := newDraft(r, r.now())
	record := recordTicket(t.ID)
	d.check(engine.Equal(record, fieldVersion, strconv.AppendUint(nil, t.Version, 10)))
	for _, p := range r.placesOf(t) {
		d.step(engine.Place(record, p.field, p.index, p.at.Member, p.at.Score))
	}
	for _, p := range r.postingsOf(t, names) {
		d.step(p.put(t.ID))
	}
	if t.Tracking != "" {
		d.step(engine.Put(record, fieldTracked, []byte(r.digest(kindTracking, t.Tracking))))
	}
	d.retention(t)
	_, err := d.commit(ctx)
	return err
}

// articles holds that a ticket's articles open, and gives the first of them, or nil
// if one does not.
func (x *reindexing) articles(ctx context.Context, r room, t *ticket.Ticket) ([]ticket.Article, error) {
	record, articles, first := recordTicket(t.ID), 0, []ticket.Article{}
	for after := 0; after < t.Articles; after += articlesAtOnce {
		some, err := r.articles(ctx, t.ID, after, min(articlesAtOnce, t.Articles-after))
		if errors.Is(err, ErrNotFound) {
			return nil, nil
		}
		if errors.Is(err, ErrSealed) {
			return nil, x.differs(r, record, "an article cannot be opened", nil)
		}
		if err != nil {
			return nil, err
		}
		if articles += len(some); after == 0 {
			first = append(first, some...)
		}
	}
	if articles != t.Articles {
		if err := x.differs(r, record, fmt.Sprintf("it has %d articles of %d", articles, t.Articles), nil); err != nil {
			return nil, err
		}
	}
	return first, nil
}

// blob holds that a content is where its field says. Its seal is looked at when
// it is read.
func (x *reindexing) blob(ctx context.Context, r room, record, field string) error {
	answers, err := r.read(ctx, "a blob", engine.Ask{Record: record, Fields: []string{field}})
	if err != nil {
		return err
	}
	mark, _, ok := filed(answers[0].Rows[0].Fields[field])
	if !ok {
		return nil
	}
	name := fileName(r.Name, record, field, mark)
	if _, there := x.blobs.Size(name); there {
		return nil
	}
	return x.differs(r, record, "its file "+name+" is missing", nil)
}
