package keysource

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/travishook/travishook/internal/verify"
)

const (
	// fetchTimeout limits one fetch from the connection to the last byte.
	fetchTimeout = 10 * time.Second
	// maxConfig limits the size of a /config; Travis' has about 5 kB.
	maxConfig = 256 << 10
)

// newClient returns a client that follows no redirects, which could lead to a server with another key.
func newClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// fetch gets the key from the /config of a Travis. The error says what the URL returned instead and what to
// do.
func (k *Keys) fetch(ctx context.Context, from string) (*rsa.PublicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, errors.New("the URL cannot be requested")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "travishook")
	response, err := k.client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read from
	switch {
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return nil, fmt.Errorf("it redirects (%d), which is not followed: configure the URL that it redirects to", response.StatusCode)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("it answered %d instead of 200", response.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxConfig+1))
	if err != nil {
		return nil, unreachable(err)
	}
	if len(body) > maxConfig {
		return nil, fmt.Errorf("it answered with more than %d bytes: is it the /config of a Travis?", maxConfig)
	}
	return parseConfig(body)
}

// unreachable removes the URL from an error, because the state has it already.
func unreachable(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("it did not answer within %s", fetchTimeout)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return fmt.Errorf("it cannot be reached: %w", err)
}

// parseConfig finds the key in the /config of a Travis.
func parseConfig(body []byte) (*rsa.PublicKey, error) {
	var document struct {
		Config *struct {
			Notifications *struct {
				Webhook *struct {
					PublicKey *string `json:"public_key"`
				} `json:"webhook"`
			} `json:"notifications"`
		} `json:"config"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
			return nil, errors.New("it answered with a web page instead of JSON: is it the API's host, as in https://api.travis-ci.com/config?")
		}
		return nil, errors.New("the answer is not the /config of a Travis as JSON")
	}
	c := document.Config
	if c == nil || c.Notifications == nil || c.Notifications.Webhook == nil {
		return nil, errors.New("its answer has no config.notifications.webhook: is it the /config of a Travis?")
	}
	if c.Notifications.Webhook.PublicKey == nil {
		return nil, errors.New("its public_key is null: this Travis signs nothing; list its repositories in trust.keylessRepositories, and remove the URL")
	}
	key, err := verify.ParseKey(*c.Notifications.Webhook.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("its public_key cannot be used: %w", err)
	}
	return key, nil
}
