package notify

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
)

// Answer is what an HTTP service said to a request.
type Answer struct {
	Status int
	Header http.Header
	// Body as far as it came: a service whose status says it all need not mind the rest.
	Body []byte
}

// Post sends body to a URL that may be a secret, by the client that NewClient made. An answer
// of any status is no error: StatusError classifies it. Errors are marked and hold no URL.
func Post(ctx context.Context, client *http.Client, url string, header http.Header, body []byte) (Answer, error) {
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
	// Read to the end, so that the connection can be used again. Where the body breaks off,
	// the status has been told all the same.
	said, _ := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: said}, nil
}
