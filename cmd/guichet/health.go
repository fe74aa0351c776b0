package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

type healthCommand struct{}

func (healthCommand) Help() string {
	return example("guichet health && echo fine") + `

With metrics set, it asks whether mail would be taken. Without, whether the
SMTP port answers. Made for container health checks.`
}

// Run asks the daemon of the settings how it is.
func (healthCommand) Run(ctx context.Context, p *program) error {
	c, err := p.settings()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if c.Metrics != "" {
		return askReady(ctx, reachable(c.Metrics))
	}
	return askBanner(ctx, reachable(c.SMTP.Listen[0]))
}

func askReady(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("no daemon answers: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(response.Body, 200))
		return fmt.Errorf("the daemon is not ready: %s", cmp.Or(strings.TrimSpace(string(why)), response.Status))
	}
	return nil
}

func askBanner(ctx context.Context, address string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("no daemon answers: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	banner := make([]byte, 4)
	if _, err := conn.Read(banner); err != nil || !strings.HasPrefix(string(banner), "220") {
		return errors.New("the SMTP port answers no 220")
	}
	return nil
}

// reachable is the address at which a listener on all addresses is found.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
