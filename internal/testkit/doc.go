// Package testkit is what the tests of several packages stand on.
package testkit
