// Package client is the client of the operator's API. It authenticates as the user of a kubeconfig.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// Timeout bounds one request. A test message to a slow channel takes longest.
const Timeout = 2 * time.Minute

// maxRetries bounds how often a request that only reads is repeated when the response has a Retry-After, as
// while the operator starts or the API server is busy, and maxRetryAfter the wait before each.
const (
	maxRetries    = 5
	maxRetryAfter = 3 * time.Second
)

// maxConnects bounds how often the API server is asked for another pod: with one of two that refuses connections, all
// of ten requests fail once in a thousand times.
const maxConnects = 10

// maxAnswer bounds a response.
const maxAnswer = 32 << 20

// Client sends requests to one operator. Close it after use.
type Client struct {
	http     *http.Client
	base     *url.URL
	identity *identity
}

// Close removes what proved the caller's identity.
func (c *Client) Close(ctx context.Context) { c.identity.delete(ctx) }

// StatusError is the response to a request that failed.
type StatusError struct {
	Code    int    // of HTTP
	Message string // one sentence for people
}

// Error implements error.
func (e *StatusError) Error() string { return e.Message }

// Deliveries lists stored deliveries of a namespace, or of all that the caller may read if it is empty.
// Route and state are optional.
func (c *Client) Deliveries(ctx context.Context, namespace, route string, state deliveryapi.State) (deliveryapi.Deliveries, error) {
	var list deliveryapi.Deliveries
	err := c.get(ctx, deliveryapi.PathDeliveries, url.Values{
		deliveryapi.ParamNamespace: {namespace}, deliveryapi.ParamRoute: {route}, deliveryapi.ParamState: {string(state)},
	}, &list)
	return list, err
}

// Redrive retries dead letters and returns their number.
func (c *Client) Redrive(ctx context.Context, r deliveryapi.Redrive) (int, error) {
	var done deliveryapi.Redriven
	err := c.post(ctx, deliveryapi.PathRedrive, r, &done)
	return done.Redriven, err
}

// Test sends a test message to each channel of a route.
func (c *Client) Test(ctx context.Context, namespace, route string) ([]deliveryapi.TestResult, error) {
	var tested deliveryapi.Tested
	err := c.post(ctx, deliveryapi.PathTest, deliveryapi.Test{Namespace: namespace, Route: route}, &tested)
	return tested.Results, err
}

// Question is what Why asks about.
type Question struct {
	Namespace  string // empty: all that the caller may read
	Repository string // owner/name
	Build      string // number, ID or URL; empty: all
	// Since adds counts over this span; 0 adds none.
	Since time.Duration
}

// Why explains what happened to a repository's webhooks.
func (c *Client) Why(ctx context.Context, q Question) (deliveryapi.Why, error) {
	since := ""
	if q.Since > 0 {
		since = q.Since.String()
	}
	var why deliveryapi.Why
	err := c.get(ctx, deliveryapi.PathWhy, url.Values{
		deliveryapi.ParamNamespace: {q.Namespace}, deliveryapi.ParamRepository: {q.Repository},
		deliveryapi.ParamBuild: {q.Build}, deliveryapi.ParamSince: {since},
	}, &why)
	return why, err
}

// Version returns the operator's version.
func (c *Client) Version(ctx context.Context) (string, error) {
	var v deliveryapi.Version
	err := c.get(ctx, deliveryapi.PathVersion, url.Values{}, &v)
	return v.Version, err
}

func (c *Client) get(ctx context.Context, path string, query url.Values, answer any) error {
	u := c.base.JoinPath(path)
	for name, values := range query {
		if values[0] == "" {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	return c.do(r, answer)
}

func (c *Client) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	return c.do(r, answer)
}

func (c *Client) do(r *http.Request, answer any) error {
	r.Header.Set("Accept", "application/json")
	response, err := c.send(r)
	var unproven *NoIdentityError
	if errors.As(err, &unproven) {
		return unproven
	}
	if err != nil {
		return fmt.Errorf("connect to the operator: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the operator's response: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("read the operator's response: it is not from the operator's API: %w", err)
	}
	return nil
}

// connect sends a request until the API server's proxy reaches a pod. It picks one of the Service's at random, also
// one that has not started or cannot, such as the next pod in an upgrade. A refused connection carried no request,
// so one that changes something is repeated, too.
func (c *Client) connect(r *http.Request) (*http.Response, error) {
	for attempt := 1; ; attempt++ {
		response, err := c.http.Do(r)
		if err != nil || response.StatusCode != http.StatusServiceUnavailable || attempt == maxConnects {
			return response, err
		}
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
		_ = response.Body.Close()
		if err != nil {
			return nil, fmt.Errorf("read the response: %w", err)
		}
		response.Body = io.NopCloser(bytes.NewReader(body))
		if !connectionRefused(body) {
			return response, nil
		}
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, fmt.Errorf("repeat the request: %w", err)
			}
		}
	}
}

// connectionRefused reports whether a response is the API server's, for a pod that does not listen.
func connectionRefused(body []byte) bool {
	var status struct{ Kind, Message string }
	return json.Unmarshal(body, &status) == nil && status.Kind == "Status" && strings.Contains(status.Message, "connection refused")
}

// send sends a request, and repeats one that only reads when the response asks for that.
func (c *Client) send(r *http.Request) (*http.Response, error) {
	for retry := 0; ; retry++ {
		response, err := c.connect(r)
		if err != nil || r.Method != http.MethodGet || retry == maxRetries {
			return response, err
		}
		after, invalid := strconv.Atoi(response.Header.Get("Retry-After"))
		if invalid != nil || after < 0 {
			return response, err
		}
		_ = response.Body.Close()
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-time.After(min(time.Duration(after)*time.Second, maxRetryAfter)):
		}
	}
}

// statusError decodes an error of the operator, or of the API server in front of it, which is a Status.
func statusError(code int, body []byte) error {
	var answer struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Error != "" {
		return &StatusError{code, answer.Error}
	}
	switch {
	case answer.Message != "" && code == http.StatusForbidden:
		return &StatusError{code, "the API server does not allow you to connect to the operator: " + answer.Message +
			"; ask the administrator to add you to api.subjects of the operator's chart"}
	case answer.Message != "":
		return &StatusError{code, "the API server cannot connect to the operator: " + answer.Message}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return &StatusError{code, fmt.Sprintf("got %d %s from something that is not the operator's API: %.200q", code, http.StatusText(code), line)}
}
