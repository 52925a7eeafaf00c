package receiver

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/url"
)

// readPayload reads the body and takes the payload out of the form.
func (h *Handler) readPayload(x *exchange) *answer {
	var body bytes.Buffer
	// What the sender says of the size is believed as far as it costs little.
	body.Grow(int(min(max(x.r.ContentLength, 0), LargeBody)) + bytes.MinRead)
	_, err := io.Copy(&body, http.MaxBytesReader(x.w, x.r.Body, MaxBody))
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return &tooLarge
	}
	if err != nil {
		return &brokenBody
	}
	payload, a := parseForm(body.Bytes())
	x.payload = payload
	return a
}

// parseForm returns the value of the form's field payload, byte for byte what Travis signed. It
// looks at no other field, so a body of a million fields costs nothing; two payloads are refused,
// for who knows which one another reader would take.
func parseForm(body []byte) ([]byte, *answer) {
	var value []byte
	found := 0
	for field := range bytes.SplitSeq(body, []byte("&")) {
		if v, ok := bytes.CutPrefix(field, []byte("payload=")); ok {
			value = v
			found++
		}
	}
	if found != 1 {
		return nil, &noPayload
	}
	payload, err := url.QueryUnescape(string(value))
	if err != nil {
		return nil, &brokenBody
	}
	return []byte(payload), nil
}
