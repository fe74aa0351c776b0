// Package testkit is what the tests of several rooms stand on.
package testkit
