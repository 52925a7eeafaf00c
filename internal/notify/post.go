package notify

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
)

// Answer is an HTTP service's response.
type Answer struct {
	Status int
	Header http.Header
	// Body is at most 64 KiB, and as much of it as arrived.
	Body []byte
}

// Request is a call of an HTTP service.
type Request struct {
	Method string
	URL    string // may be a secret
	Header http.Header
	Body   []byte
}

// Send sends a request with a client that NewClient created. A response of any status is no error:
// StatusError classifies it. Errors are marked and do not contain the URL.
func Send(ctx context.Context, client *http.Client, r Request) (Answer, error) {
	var read bytes.Buffer
	answer, err := send(ctx, client, r, &read)
	answer.Body = read.Bytes()
	return answer, err
}

// Post is Send with the method POST.
func Post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (Answer, error) {
	return Send(ctx, client, Request{Method: http.MethodPost, URL: url, Header: header, Body: body})
}

// PostForStatus is Post for services whose status says everything: the response's body is not kept.
func PostForStatus(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (Answer, error) {
	return send(ctx, client, Request{Method: http.MethodPost, URL: url, Header: header, Body: body}, io.Discard)
}

func send(ctx context.Context, client *http.Client, r Request, read io.Writer) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return Answer{}, Permanent(Redact(err))
	}
	maps.Copy(req.Header, r.Header)
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, Redact(err)
	}
	defer func() { _ = resp.Body.Close() }()
	// Reading to the end lets the connection be used again. If the body breaks off or is too large,
	// the status is known all the same.
	_, _ = io.Copy(read, resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header}, nil
}
