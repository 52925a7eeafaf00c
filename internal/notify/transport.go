package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

// transport adds to an http.Transport what every service needs of each request.
type transport struct {
	next      *http.Transport
	userAgent string
}

// RoundTrip implements http.RoundTripper. A redirect is an error: following it would send
// the message, and with it perhaps a credential, to where nobody has configured it to go.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	// Not http.Client.Timeout, which would replace the error and with it the mark on it.
	ctx, cancel := context.WithTimeout(req.Context(), totalTimeout)
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	req = req.Clone(ctx)
	if t.userAgent != "" {
		req.Header.Set("User-Agent", t.userAgent)
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		cancel()
		if written.Load() {
			return nil, AnswerLost(err)
		}
		return nil, err
	}
	resp.Body = &answerBody{ReadCloser: resp.Body, left: maxAnswer, done: cancel}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		return nil, redirectError(resp)
	}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through.
func (t *transport) CloseIdleConnections() { t.next.CloseIdleConnections() }

func redirectError(resp *http.Response) error {
	where := "elsewhere"
	if u, err := resp.Location(); err == nil {
		where = "to " + Origin(u)
	}
	return Permanent(fmt.Errorf("answered %d: redirects %s, and redirects are not followed; "+
		"set the address that it redirects to", resp.StatusCode, where))
}

// errAnswerTooLarge ends reading an answer that no chat service gives.
var errAnswerTooLarge = fmt.Errorf("answer is over %d bytes", maxAnswer)

// answerBody bounds an answer's body, and tells an answer that broke off: the request was
// taken, and nobody knows with what result.
type answerBody struct {
	io.ReadCloser
	left int
	done context.CancelFunc
}

// Read implements io.Reader.
func (b *answerBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, AnswerLost(errAnswerTooLarge)
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		err = AnswerLost(err)
	}
	return n, err
}

// Close implements io.Closer.
func (b *answerBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// Origin is what may be shown of a URL that is a secret: its scheme and host.
func Origin(u *url.URL) string { return u.Scheme + "://" + u.Host }
