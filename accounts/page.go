package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"guichet/ticket"
)

const (
	defaultTimeout = 2 * time.Second
	// largestAnswer is how much of an answer is read so that its connection can
	// serve the next; what it says stands in its status.
	largestAnswer = 16 << 10
	maxRedirects  = 3
)

// placeOfAddress is where a URL has the address that is asked for.
const placeOfAddress = "{address}"

// page is a directory that is asked over HTTP.
type page struct {
	url     string
	timeout time.Duration
	client  *http.Client
}

func newPage(url string, timeout time.Duration) *page {
	return &page{url: url, timeout: cmp.Or(timeout, defaultTimeout), client: &http.Client{
		CheckRedirect: sameHost,
		Transport: &http.Transport{
			MaxConnsPerHost: 8, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			MaxResponseHeaderBytes: largestAnswer, ForceAttemptHTTP2: true,
		},
	}}
}

// sameHost lets a page move within its host: an address is told to nobody whom
// the settings do not name.
func sameHost(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return errors.New("it sends us to another host")
	}
	if len(before) > maxRedirects {
		return errors.New("it sends us on again and again")
	}
	return nil
}

// known is directory's: 2xx knows an address, 404 does not, and anything else is
// no answer.
func (p *page) known(ctx context.Context, who ticket.Address) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	// Fit for a path as well as for a query, where + would be read as a space.
	address := strings.ReplaceAll(url.QueryEscape(string(who)), "+", "%20")
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(p.url, placeOfAddress, address, 1), nil)
	if err != nil {
		return false, errors.New("its URL cannot be asked with this address")
	}
	request.Header.Set("User-Agent", "guichet")
	response, err := p.client.Do(request)
	if err != nil {
		return false, withoutAddress(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, largestAnswer))
	switch code := response.StatusCode; {
	case code >= 200 && code <= 299:
		return true, nil
	case code == http.StatusNotFound:
		return false, nil
	default:
		return false, fmt.Errorf("it answers %d", code)
	}
}

// withoutAddress takes the URL out of an error, which names who was asked for.
func withoutAddress(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
