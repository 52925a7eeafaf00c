package receiver

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
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
	payload, ok := unescape(value)
	if !ok {
		return nil, &brokenBody
	}
	return payload, nil
}

// unescape is url.QueryUnescape, in place: what strangers may send at once must not be held four
// times over.
func unescape(value []byte) (unescaped []byte, ok bool) {
	n := 0
	for i := 0; i < len(value); i, n = i+1, n+1 {
		switch value[i] {
		case '+':
			value[n] = ' '
		case '%':
			if len(value)-i < 3 {
				return nil, false
			}
			if _, err := hex.Decode(value[n:n+1], value[i+1:i+3]); err != nil {
				return nil, false
			}
			i += 2
		default:
			value[n] = value[i]
		}
	}
	return value[:n], true
}
