package receiver

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	checkTimeout = time.Minute
	checkRetry   = time.Second
	// checkRequest limits one request: an operator that starts may not answer for longer.
	checkRequest = 15 * time.Second
	// checkShown limits what an error repeats of an unexpected answer.
	checkShown = 120
)

// Check posts a webhook without a repository and a signature, and returns nil if the answer is that of a receiver
// which is ready. While nothing answers, or with a status of 5xx, it tries again for a minute: a network policy
// may take a moment to let a new pod through. Its error is one sentence.
func Check(ctx context.Context, address string) error {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return fmt.Errorf("check %q: it is not a webhook URL such as http://travishook/travis", address)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	client := checkClient()
	defer client.CloseIdleConnections()
	for {
		again, err := checkOnce(ctx, client, address)
		if err == nil {
			return nil
		}
		err = fmt.Errorf("check %s: %w", address, err)
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(checkRetry):
		}
	}
}

// checkClient returns a client that connects to the receiver itself: without a proxy, and without following a
// redirect.
func checkClient() *http.Client {
	return &http.Client{
		Timeout: checkRequest,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			//nolint:gosec // The certificate is for the public host, not for the Service, and nothing secret is sent.
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// checkOnce also returns whether a failure may pass by itself.
func checkOnce(ctx context.Context, client *http.Client, address string) (again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, http.NoBody)
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := client.Do(request)
	if err != nil {
		if inner := (*url.Error)(nil); errors.As(err, &inner) {
			err = inner.Err // without the URL, which the caller adds
		}
		if timeout := (net.Error)(nil); errors.As(err, &timeout) && timeout.Timeout() {
			err = errors.New("no answer in time: the operator may still be starting, which its log and /readyz?verbose say, or a network policy may block the connection")
		}
		return true, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxHeader))
	if err != nil {
		return true, fmt.Errorf("read the answer: %w", err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	switch (answer{code: response.StatusCode, line: string(line)}) {
	case answer{code: noSlug.code, line: noSlug.line}:
		return false, nil
	case answer{code: notReady.code, line: notReady.line}:
		return true, errors.New("the operator is not ready: its log and /readyz?verbose say why")
	case answer{code: otherPath.code, line: otherPath.line}:
		return false, errors.New("the receiver answers, but has another path: compare it with receiver.pathPrefix of the settings")
	}
	shown := strings.ToValidUTF8(string(line[:min(len(line), checkShown)]), "")
	return response.StatusCode >= http.StatusInternalServerError,
		fmt.Errorf("this is not travishook's receiver: the answer is %s, %q", response.Status, shown)
}
