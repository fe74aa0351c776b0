package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestHealthAsksForReadiness(t *testing.T) {
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	if err := askReady(t.Context(), address); err != nil {
		t.Error(err)
	}
	status = http.StatusServiceUnavailable
	if askReady(t.Context(), address) == nil {
		t.Error("a daemon that is not ready passed")
	}
	server.Close()
	if askReady(t.Context(), address) == nil {
		t.Error("no daemon passed")
	}
}

func TestHealthAsksForABanner(t *testing.T) {
	for banner, well := range map[string]bool{"220 mx.example.com ESMTP\r\n": true, "421 4.3.2 too busy\r\n": false} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if conn, err := l.Accept(); err == nil {
				_, _ = conn.Write([]byte(banner))
				_ = conn.Close()
			}
		}()
		if err := askBanner(context.Background(), l.Addr().String()); (err == nil) != well {
			t.Errorf("%q: %v", banner, err)
		}
		l.Close()
	}
}

func TestReachable(t *testing.T) {
	for listen, want := range map[string]string{
		":25": "127.0.0.1:25", "0.0.0.0:25": "127.0.0.1:25", "[::]:25": "127.0.0.1:25", "192.0.2.1:25": "192.0.2.1:25",
	} {
		if got := reachable(listen); got != want {
			t.Errorf("%s: %s", listen, got)
		}
	}
}

// A daemon that stops, or whose store is gone, lives: it is to be sent no mail,
// and not to be killed for it.
func TestReadinessIsNotLiveness(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var gone atomic.Bool
	m := newMetrics()
	m.serve(l, func(context.Context) error {
		if gone.Load() {
			return errors.New("the password is hunter2")
		}
		return nil
	})
	defer m.close()
	address := l.Addr().String()
	alive := func() {
		t.Helper()
		response, err := http.Get("http://" + address + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("it is not alive: %s", response.Status)
		}
	}
	if err := askReady(t.Context(), address); err != nil {
		t.Error(err)
	}
	gone.Store(true)
	if err := askReady(t.Context(), address); err == nil || !strings.HasSuffix(err.Error(), ": the store does not answer") {
		t.Errorf("without a store: %v", err)
	}
	alive()
	gone.Store(false)
	m.drain()
	if err := askReady(t.Context(), address); err == nil || !strings.HasSuffix(err.Error(), ": stopping") {
		t.Errorf("while it stops: %v", err)
	}
	alive()
}
