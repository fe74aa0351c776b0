// Package smtpd is the door: it receives mail over SMTP (RFC 5321), applies
// the limits, finds out who the sender is, and hands each whole message to a
// Handler. Nothing is answered 250 before the Handler says that it is durable.
//
// What is found out is package proof's; what an operator may have asked beside
// it, package scan's; what then becomes of the message, admit.go's.
//
// go-smtp speaks the protocol. Between it and the network stands the wire
// (wire.go), because go-smtp trusts its clients more than a door on the open
// network may: what the wire lets through is one well-formed command at a time,
// message content whose lines end in CRLF and nothing else, and an end of data
// that nobody can argue about. The way of a connection is
//
//	Server.Serve → Server.receive → connection.converse → wire ⇄ go-smtp → session → Handler
//
// STARTTLS is done by the connection, not by go-smtp: so the wire always sees
// what the client really says, and a handshake that fails ends the connection.
package smtpd
