package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"
)

// listener looks whether the daemon answers where it listens.
func (e *exam) listener(ctx context.Context, address string) []Finding {
	const check = "port"
	g, err := e.greet(ctx, e.Dial, within(address), e.proxied(address))
	switch {
	case err != nil && g.text == "":
		return []Finding{problem(check, address, "no daemon answers: %s", reason(err)).so("start it: guichet serve")}
	case err != nil:
		return []Finding{problem(check, address, "answers %q instead of 220", g.text).so("look at the daemon's log")}
	case !strings.EqualFold(g.name(), plainName(e.Hostname)):
		return []Finding{problem(check, address, "is held by another program, or by a daemon with other settings: %q", g.text).so("stop that one, or change smtp.listen; a changed hostname needs a restart")}
	case e.Certificate != "" && !g.starttls:
		return []Finding{warning(check, address, "offers no STARTTLS although smtp.tls is set").so("systemctl reload guichet")}
	}
	how := "in clear"
	if g.starttls {
		how = "with STARTTLS"
	}
	return []Finding{ok(check, address, "answers 220, %s", how)}
}

// proxied reports that who connects from this machine must send a PROXY header.
func (e *exam) proxied(address string) bool {
	host, _, _ := net.SplitHostPort(within(address))
	a, err := netip.ParseAddr(host)
	return err == nil && contains(e.Proxied, a)
}

// within is the address at which a listener is found from its own machine.
func within(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if a, err := netip.ParseAddr(host); host == "" || err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// greeting is what a mail host says before anything is asked of it.
type greeting struct {
	text     string // of the banner, without its code
	starttls bool
}

// name is how the host calls itself (RFC 5321 §4.2).
func (g greeting) name() string {
	name, _, _ := strings.Cut(g.text, " ")
	return plainName(name)
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// greet connects, hears the banner, says EHLO and leaves. No mail is begun. With
// an error and a text, the text is what was said instead of 220.
func (e *exam) greet(ctx context.Context, dial dialFunc, address string, proxy bool) (g greeting, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	raw, err := dial(ctx, "tcp", address)
	if err != nil {
		return g, err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })()
	if proxy {
		if _, err := fmt.Fprint(raw, "PROXY UNKNOWN\r\n"); err != nil {
			return g, err
		}
	}
	conn := textproto.NewConn(raw)
	if _, g.text, err = conn.ReadResponse(220); err != nil {
		answer := new(textproto.Error)
		if errors.As(err, &answer) {
			said, _, _ := strings.Cut(answer.Msg, "\n")
			g.text = fmt.Sprintf("%d %s", answer.Code, said)
		}
		return g, err
	}
	if err := conn.PrintfLine("EHLO %s", e.Hostname); err != nil {
		return g, err
	}
	_, offers, err := conn.ReadResponse(250)
	g.starttls = slices.Contains(strings.Split(strings.ToUpper(offers), "\n"), "STARTTLS")
	_ = conn.PrintfLine("QUIT")
	return g, err
}

// route looks whether mails could leave, without sending one.
func (e *exam) route(ctx context.Context, r Route) []Finding {
	const check = "route"
	switch {
	case r.Maildir:
		return []Finding{note(check, r.Name, "keeps every mail on this machine; nothing leaves")}
	case r.Direct:
		return []Finding{e.outwardPort(ctx, r)}
	}
	ctx, cancel := context.WithTimeout(ctx, 2*lookupTime) // connect, greet, encrypt, authenticate
	defer cancel()
	encrypted, err := r.Try(ctx)
	switch {
	case err != nil:
		return []Finding{problem(check, r.Name, "cannot be used: %s", reason(err)).so("mails wait meanwhile and none is lost; mend outgoing.via or the relay")}
	case !encrypted && !loopback(r.Host):
		return []Finding{warning(check, r.Name, "takes our mail, in clear").so("let the relay offer STARTTLS, and write ?tls=required")}
	case !encrypted:
		return []Finding{ok(check, r.Name, "takes our mail")}
	}
	return []Finding{ok(check, r.Name, "takes our mail, encrypted")}
}

// outwardPort looks whether port 25 is open outward, which many providers of
// machines close. The agents' own exchangers are the ones to ask: mail will go
// to them.
func (e *exam) outwardPort(ctx context.Context, r Route) Finding {
	const check = "route"
	var tried []string
	var last error
	for _, p := range e.People {
		if trial(p.Domain) || len(tried) == 3 {
			continue
		}
		found, err := e.dns.mx(ctx, p.Domain)
		if err != nil || len(found) == 0 {
			continue
		}
		host := plainName(found[0].Host)
		if host == "" || host == plainName(e.Hostname) || slices.Contains(tried, host) {
			continue
		}
		g, err := e.greet(ctx, e.connect, net.JoinHostPort(host, "25"), false)
		if err == nil {
			return ok(check, r.Name, "port 25 is open outward: %s answers", host)
		}
		if g.text != "" {
			return warning(check, r.Name, "%s answers %q", host, g.text).so("ask its admin what it has against this host; look whether its address is on a block list")
		}
		tried, last = append(tried, host), err
	}
	if len(tried) == 0 {
		return note(check, r.Name, "no exchanger of an agent's is known to try port 25 with")
	}
	return problem(check, r.Name, "no mail leaves: port 25 of %s cannot be reached (%s)", strings.Join(tried, ", "), reason(last)).
		so("ask the provider of this machine to open port 25 outward, or send through a relay: outgoing.via smtp://…")
}

// reason is an error in few words.
func reason(err error) error {
	if inner := new(url.Error); errors.As(err, &inner) {
		err = inner.Err
	}
	timeout := interface{ Timeout() bool }(nil)
	switch path := new(fs.PathError); {
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout():
		return errors.New("no answer in time")
	case errors.As(err, &path):
		return fmt.Errorf("%s: %w", path.Path, path.Err)
	}
	if op := new(net.OpError); errors.As(err, &op) && op.Op == "dial" {
		return op.Err
	}
	return err
}
