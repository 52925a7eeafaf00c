// Package client asks the operator's API for people, as whoever a kubeconfig says.
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
	"strings"
	"time"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// Timeout bounds one request; a test message to a slow room takes longest.
const Timeout = 2 * time.Minute

// maxAnswer bounds an answer.
const maxAnswer = 32 << 20

// Client asks one operator.
type Client struct {
	http *http.Client
	base *url.URL
}

// StatusError is an answer that says no.
type StatusError struct {
	Code    int    // of HTTP
	Message string // one sentence for people
}

// Error implements error.
func (e *StatusError) Error() string { return e.Message }

// Deliveries lists what is kept: of a namespace or, where it is empty, of all that the caller may
// read; of a route and in a state, where these are not empty.
func (c *Client) Deliveries(ctx context.Context, namespace, route string, state deliveryapi.State) (deliveryapi.Deliveries, error) {
	var list deliveryapi.Deliveries
	err := c.get(ctx, deliveryapi.PathDeliveries, url.Values{
		deliveryapi.ParamNamespace: {namespace}, deliveryapi.ParamRoute: {route}, deliveryapi.ParamState: {string(state)},
	}, &list)
	return list, err
}

// Redrive begins dead deliveries again and returns how many.
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

// Why tells what became of a repository's webhooks: as far as a namespace is concerned or, where
// it is empty, all that the caller may read; of one build, where its number is not empty.
func (c *Client) Why(ctx context.Context, namespace, repository, build string) (deliveryapi.Why, error) {
	var why deliveryapi.Why
	err := c.get(ctx, deliveryapi.PathWhy, url.Values{
		deliveryapi.ParamNamespace: {namespace}, deliveryapi.ParamRepository: {repository}, deliveryapi.ParamBuild: {build},
	}, &why)
	return why, err
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
		return fmt.Errorf("ask the operator: %w", err)
	}
	return c.do(r, answer)
}

func (c *Client) post(ctx context.Context, path string, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("ask the operator: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the operator: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	return c.do(r, answer)
}

func (c *Client) do(r *http.Request, answer any) error {
	r.Header.Set("Accept", "application/json")
	response, err := c.http.Do(r)
	if errors.Is(err, ErrNoToken) {
		return ErrNoToken
	}
	if err != nil {
		return fmt.Errorf("reach the operator: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the operator's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, body)
	}
	if err := json.Unmarshal(body, answer); err != nil {
		return fmt.Errorf("read the operator's answer: it is not of the operator's API: %w", err)
	}
	return nil
}

// refusal is what the operator said, or the API server in front of it, whose words are a Status.
func refusal(code int, body []byte) error {
	var said struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &said) == nil && said.Error != "" {
		return &StatusError{code, said.Error}
	}
	switch {
	case said.Message != "" && code == http.StatusForbidden:
		return &StatusError{code, "the API server does not let you through to the operator: " + said.Message}
	case said.Message != "":
		return &StatusError{code, "the API server cannot reach the operator: " + said.Message}
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	return &StatusError{code, fmt.Sprintf("the operator's address answered %d %s, which is not the operator's API: %.200q", code, http.StatusText(code), line)}
}
