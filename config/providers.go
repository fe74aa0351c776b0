package config

import "slices"

// PublicProvider reports whether a domain gives mailboxes to anybody who asks.
func PublicProvider(domain string) bool { return slices.Contains(publicProviders, domain) }
