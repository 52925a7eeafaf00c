package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/travishook/travishook/internal/travis"
)

// captured decodes a captured webhook: the JSON, the form around it, or the whole request.
func (v *renderCommand) captured() (*travis.Event, error) {
	read, err := v.readPayload()
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(read, []byte("POST ")) {
		if _, body, ok := bytes.Cut(read, []byte("\r\n\r\n")); ok {
			read = body
		}
	}
	read = bytes.TrimSpace(read)
	if form, ok := bytes.CutPrefix(read, []byte("payload=")); ok {
		decoded, err := url.QueryUnescape(string(form))
		if err != nil {
			return nil, fmt.Errorf("decode the payload's form: %w", err)
		}
		read = []byte(decoded)
	}
	return travis.Decode(read)
}

func (v *renderCommand) readPayload() ([]byte, error) {
	if v.payload == "-" {
		return io.ReadAll(io.LimitReader(v.env.In, maxManifest))
	}
	return os.ReadFile(v.payload)
}
