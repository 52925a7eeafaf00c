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

// Post posts body to a URL that may be a secret, with a client that NewClient made. A response of any
// status is no error: StatusError classifies it. Errors are marked and do not contain the URL.
func Post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (Answer, error) {
	var read bytes.Buffer
	answer, err := post(ctx, client, url, header, body, &read)
	answer.Body = read.Bytes()
	return answer, err
}

// PostForStatus is Post for services whose status says everything: the response's body is not kept.
func PostForStatus(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (Answer, error) {
	return post(ctx, client, url, header, body, io.Discard)
}

func post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte, read io.Writer) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, Permanent(Redact(err))
	}
	maps.Copy(req.Header, header)
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
