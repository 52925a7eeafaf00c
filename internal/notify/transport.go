package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// transport adds the limits and error marks that every service needs to an http.Transport.
type transport struct {
	next    *http.Transport
	options Options
}

// RoundTrip implements http.RoundTripper. A redirect is an error: following it would send the message,
// and possibly a credential, to a server that is not configured.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	// Not http.Client.Timeout, which would replace the error and with it its mark.
	ctx, cancel := context.WithTimeout(req.Context(), totalTimeout)
	var written atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(info httptrace.WroteRequestInfo) { written.Store(info.Err == nil) },
	})
	req = req.Clone(ctx)
	if t.options.UserAgent != "" {
		req.Header.Set("User-Agent", t.options.UserAgent)
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
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// Its body is the connection itself, which the context's deadline does not end.
		_ = resp.Body.Close()
		return nil, Permanent(errors.New("answered 101: the server switches to another protocol, which nothing asked for; correct the URL"))
	}
	if resp.StatusCode >= 300 && resp.StatusCode < 400 {
		_ = resp.Body.Close()
		return nil, Permanent(fmt.Errorf("answered %d: redirects are not followed; "+
			"configure the URL that it redirects to", resp.StatusCode))
	}
	return resp, nil
}

// CloseIdleConnections implements the optional interface of http.Client.CloseIdleConnections.
func (t *transport) CloseIdleConnections() { t.next.CloseIdleConnections() }

// errAnswerTooLarge is returned after maxAnswer bytes of a response's body.
var errAnswerTooLarge = fmt.Errorf("answer is over %d bytes", maxAnswer)

// answerBody limits a response's body and marks a body that breaks off: the service received the request,
// and the result is unknown.
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
