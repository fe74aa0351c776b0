// Package control lets command-line tools use the embedded engine that a daemon
// has open: the engine's own interface over a socket that only the daemon's user
// may open. What passes is what an engine sees, so personal content is sealed;
// the keys stay with the tool, which reads its own master key file.
//
// A request is one line of JSON, and so is its answer; a connection carries one
// after the other.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"sync"
	"time"

	"guichet/store/engine"
	"guichet/ticket"
)

// protocol is the version of requests and answers.
const protocol = 1

type request struct {
	Protocol int            `json:"protocol"`
	Method   string         `json:"method"`
	Space    engine.Space   `json:"space"`
	Asks     []engine.Ask   `json:"asks,omitempty"`
	Batch    *engine.Batch  `json:"batch,omitempty"`
	Name     string         `json:"name,omitempty"` // index of a lease, record of a take
	N        int            `json:"n,omitempty"`
	For      time.Duration  `json:"for,omitempty"`
	Brakes   []ticket.Brake `json:"brakes,omitempty"`
}

type response struct {
	Error     string            `json:"error,omitempty"`
	Conflict  *int              `json:"conflict,omitempty"`
	Answers   []engine.Answer   `json:"answers,omitempty"`
	Committed *engine.Committed `json:"committed,omitempty"`
	Entries   []engine.Entry    `json:"entries,omitempty"`
	Refused   int               `json:"refused,omitempty"`
	// Items are a part of a dump. The answer without any ends it.
	Items []engine.Item `json:"items,omitempty"`
}

// Listen opens the socket. One that a daemon left behind is replaced: whoever
// calls holds the store's lock, so no other daemon listens there.
func Listen(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("control: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("control: %w (the path of a socket has at most 107 bytes)", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("control: %w", err), l.Close())
	}
	return l, nil
}

// Serve answers on a listener until ctx ends, then closes it and all
// connections. committed, if not nil, is called after each commit, and when a
// tool says that it made one elsewhere (see Wake). Where e is nil, that is all
// that is served.
func Serve(ctx context.Context, l net.Listener, e engine.Engine, committed func()) error {
	var group sync.WaitGroup
	defer group.Wait()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("control: %w", err)
		}
		group.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			answerAll(ctx, conn, e, committed)
		})
	}
}

func answerAll(ctx context.Context, conn net.Conn, e engine.Engine, committed func()) {
	in, out := json.NewDecoder(bufio.NewReader(conn)), json.NewEncoder(conn)
	for {
		var q request
		if err := in.Decode(&q); err != nil {
			return
		}
		if q.Method == "dump" && q.Protocol == protocol && e != nil {
			if err := answerDump(ctx, out, e); err != nil {
				return
			}
			continue
		}
		a := answer(ctx, e, q)
		if (q.Method == "commit" || q.Method == "wake") && a.Error == "" && committed != nil {
			committed()
		}
		if err := out.Encode(a); err != nil {
			return
		}
	}
}

// dumpAtOnce is how many items one answer of a dump carries.
const dumpAtOnce = 200

// answerDump gives everything, in many answers to one request.
func answerDump(ctx context.Context, out *json.Encoder, e engine.Engine) error {
	var items []engine.Item
	for item, err := range e.Dump(ctx) {
		if err != nil {
			return out.Encode(response{Error: err.Error()})
		}
		if items = append(items, item); len(items) == dumpAtOnce {
			if err := out.Encode(response{Items: items}); err != nil {
				return err
			}
			items = items[:0]
		}
	}
	if len(items) > 0 {
		if err := out.Encode(response{Items: items}); err != nil {
			return err
		}
	}
	return out.Encode(response{})
}

func answer(ctx context.Context, e engine.Engine, q request) (a response) {
	var err error
	switch {
	case q.Protocol != protocol:
		err = fmt.Errorf("the daemon is of another version than this tool")
	case q.Method == "wake":
	case e == nil:
		err = errors.New("the store of this daemon is reached without it")
	case q.Method == "read":
		a.Answers, err = e.Read(ctx, q.Space, q.Asks...)
	case q.Method == "commit" && q.Batch != nil:
		var done engine.Committed
		done, err = e.Commit(ctx, q.Space, *q.Batch)
		a.Committed = &done
	case q.Method == "lease":
		a.Entries, err = e.Lease(ctx, q.Space, q.Name, q.N, q.For)
	case q.Method == "take":
		a.Refused, err = e.Take(ctx, q.Space, q.Name, q.For, q.Brakes)
	case q.Method == "sync":
		err = e.Sync(ctx, q.Space)
	default:
		err = fmt.Errorf("no such method: %q", q.Method)
	}
	if err != nil {
		a.Error = err.Error()
	}
	if c, ok := errors.AsType[*engine.Conflict](err); ok {
		a.Conflict = &c.Check
	}
	return a
}

// Client is the engine of a daemon, reached through its socket. Calls run one
// after the other.
type Client struct {
	path string
	mu   sync.Mutex
	conn net.Conn
	in   *json.Decoder
}

// Dial reaches a daemon.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{path: path}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// Wake tells a daemon that there may be work, by a commit that it did not see.
func Wake(ctx context.Context, path string) error {
	c, err := Dial(ctx, path)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, request{Method: "wake"})
	return errors.Join(err, c.Close())
}

func (c *Client) connect(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", c.path)
	if err != nil {
		return fmt.Errorf("control: %w", err)
	}
	c.conn, c.in = conn, json.NewDecoder(bufio.NewReader(conn))
	return nil
}

// Close ends the connection.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

func (c *Client) call(ctx context.Context, q request) (a response, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		if err := c.connect(ctx); err != nil {
			return a, err
		}
	}
	q.Protocol = protocol
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = json.NewEncoder(conn).Encode(q)
	if err == nil {
		err = c.in.Decode(&a)
	}
	if !stop() || err != nil {
		// Whatever else comes on it belongs to a call that nobody waits for.
		c.conn = nil
		return a, errors.Join(ctx.Err(), err, conn.Close())
	}
	switch {
	case a.Conflict != nil:
		return a, &engine.Conflict{Check: *a.Conflict}
	case a.Error != "":
		return a, fmt.Errorf("control: %s", a.Error)
	}
	return a, nil
}

// Read is engine.Engine's.
func (c *Client) Read(ctx context.Context, space engine.Space, asks ...engine.Ask) ([]engine.Answer, error) {
	a, err := c.call(ctx, request{Method: "read", Space: space, Asks: asks})
	return a.Answers, err
}

// Commit is engine.Engine's.
func (c *Client) Commit(ctx context.Context, space engine.Space, batch engine.Batch) (engine.Committed, error) {
	a, err := c.call(ctx, request{Method: "commit", Space: space, Batch: &batch})
	if err != nil || a.Committed == nil {
		return engine.Committed{}, err
	}
	return *a.Committed, nil
}

// Lease is engine.Engine's.
func (c *Client) Lease(ctx context.Context, space engine.Space, index string, n int, d time.Duration) ([]engine.Entry, error) {
	a, err := c.call(ctx, request{Method: "lease", Space: space, Name: index, N: n, For: d})
	return a.Entries, err
}

// Take is engine.Engine's.
func (c *Client) Take(ctx context.Context, space engine.Space, record string, remember time.Duration, brakes []ticket.Brake) (int, error) {
	a, err := c.call(ctx, request{Method: "take", Space: space, Name: record, For: remember, Brakes: brakes})
	return a.Refused, err
}

// Sync is engine.Engine's.
func (c *Client) Sync(ctx context.Context, space engine.Space) error {
	_, err := c.call(ctx, request{Method: "sync", Space: space})
	return err
}

// ErrScan is what Scan gives: what is scanned must stand still.
var ErrScan = errors.New("control: the store is in use by a daemon; stop it first")

// Scan is engine.Engine's; it only ever gives ErrScan.
func (c *Client) Scan(context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) { yield(engine.Item{}, ErrScan) }
}

// Dump is engine.Engine's. It has a connection of its own, so that other calls
// can be made meanwhile.
func (c *Client) Dump(ctx context.Context) iter.Seq2[engine.Item, error] {
	return func(yield func(engine.Item, error) bool) {
		own, err := Dial(ctx, c.path)
		if err != nil {
			yield(engine.Item{}, err)
			return
		}
		defer own.Close()
		stop := context.AfterFunc(ctx, func() { own.conn.Close() })
		defer stop()
		err = json.NewEncoder(own.conn).Encode(request{Protocol: protocol, Method: "dump"})
		for err == nil {
			var a response
			if err = own.in.Decode(&a); err == nil && a.Error != "" {
				err = fmt.Errorf("control: %s", a.Error)
			}
			if err == nil && len(a.Items) == 0 {
				return
			}
			for _, item := range a.Items {
				if !yield(item, nil) {
					return
				}
			}
		}
		yield(engine.Item{}, errors.Join(ctx.Err(), err))
	}
}

var _ engine.Engine = (*Client)(nil)
