package outbox

import (
	"context"
	"net"
)

// Try goes to the point where a mail could be given to a relay: connected,
// greeted as hostname, encrypted and authenticated as the route asks. It reports
// whether the connection is encrypted, and gives no mail. Routes of other
// schemes than smtp and smtps have no relay to try.
func Try(ctx context.Context, route Route, hostname string, dial func(ctx context.Context, network, address string) (net.Conn, error)) (encrypted bool, err error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	p := newPool(dial, nil)
	c, _, err := p.get(ctx, peerOf(route, hostname))
	if err != nil {
		return false, err
	}
	_, encrypted = c.TLSConnectionState()
	c.quit()
	return encrypted, nil
}
