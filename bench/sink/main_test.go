package main

import (
	"net"
	"net/smtp"
	"testing"
)

func TestSinkTakesEverything(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := newServer()
	defer server.Close()
	go func() { _ = server.Serve(l) }()
	for range 2 {
		if err := smtp.SendMail(l.Addr().String(), nil, "a@customer.example", []string{"b@acme.example"}, []byte("Subject: x\r\n\r\ny\r\n")); err != nil {
			t.Fatal(err)
		}
	}
}
