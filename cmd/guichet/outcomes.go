package main

import (
	"errors"
	"fmt"

	"guichet/store"
	"guichet/ticket"
)

// outcomes tell what became of each thing that a command was about.
type outcomes struct {
	p      *program
	asJSON bool
	err    error
}

func (p *program) outcomes(asJSON bool) *outcomes { return &outcomes{p: p, asJSON: asJSON} }

// add tells of one thing: what was done, or why it was not.
func (r *outcomes) add(id, done, what string, err error) {
	if r.asJSON {
		o := struct {
			ID    string `json:"id"`
			Done  bool   `json:"done"`
			What  string `json:"what"` // in words
			Error string `json:"error"`
		}{ID: id, Done: err == nil, What: done}
		if err != nil {
			o.What, o.Error, r.err = "is left as it is", plainly(err).Error(), errFailed
		}
		if err := r.p.object(o); err != nil {
			r.err = err
		}
		return
	}
	if err != nil {
		r.err = errFailed
		fmt.Fprintf(r.p.Stderr, "guichet: %s is left as it is: %v\n", shortID(id), plainly(err))
		return
	}
	fmt.Fprintf(r.p.Stdout, "%s %s: %s\n", shortID(id), done, printable(what))
}

// end is the error of the command, which has been told.
func (r *outcomes) end() error { return r.err }

// plainly says why something could not be moved where the store's words are for
// programmers.
func plainly(err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errors.New("it is over, or gone")
	case errors.Is(err, store.ErrLeased):
		return errors.New("it is being sent at this moment")
	case errors.Is(err, store.ErrCodeSpent):
		return errors.New("the code that it brought is forgotten; whoever needs one asks for another")
	case errors.Is(err, ticket.ErrConflict):
		return errors.New("it was moved in the same moment; look again")
	}
	return err
}
