package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// epoch is the start of the process: times are stored as nanoseconds since then.
var epoch = time.Now()

func sinceStart() int64 { return int64(time.Since(epoch)) }

// sink is the server behind every channel. It records when the first message of each build arrived.
type sink struct {
	url          string
	server       *http.Server
	bodies       sync.Pool
	arrived      [maxMarks]atomic.Int64
	deadAttempts atomic.Int64 // requests to channels that accept nothing
	hang         time.Duration
	ended        chan struct{}
}

// maxMarks is how many builds it can distinguish.
const maxMarks = 1 << 16

func openSink(hang time.Duration) (*sink, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the sink: %w", err)
	}
	s := &sink{
		url:    "http://" + listener.Addr().String(),
		bodies: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		hang:   hang,
		ended:  make(chan struct{}),
	}
	s.server = &http.Server{Handler: s, ReadHeaderTimeout: drain}
	go func() { _ = s.server.Serve(listener) }()
	return s, nil
}

func (s *sink) close() {
	close(s.ended)
	_ = s.server.Close()
}

// ServeHTTP implements http.Handler.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/hang/"):
		s.deadAttempts.Add(1)
		s.hangUp(r)
	case strings.HasPrefix(r.URL.Path, "/refuse/"):
		s.deadAttempts.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	default:
		s.take(w, r)
	}
}

// hangUp never answers.
func (s *sink) hangUp(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // otherwise a closed connection is not noticed
	enough := time.NewTimer(s.hang)
	defer enough.Stop()
	select {
	case <-enough.C:
	case <-r.Context().Done():
	case <-s.ended:
	}
	panic(http.ErrAbortHandler)
}

func (s *sink) take(w http.ResponseWriter, r *http.Request) {
	body := s.bodies.Get().(*bytes.Buffer)
	defer s.bodies.Put(body)
	body.Reset()
	if _, err := body.ReadFrom(r.Body); err != nil {
		return
	}
	mark, ok := markOf(body.Bytes())
	if !ok {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.arrived[mark].CompareAndSwap(0, sinceStart())
}

// markOf finds the build's number in a webhook's JSON, or the alert's in Alertmanager's, without decoding all
// of it, because the sink's processor time affects the measurement.
func markOf(body []byte) (int, bool) {
	_, rest, found := bytes.Cut(body, []byte(`"build":{"id":`))
	end := []byte(",")
	if !found {
		_, rest, _ = bytes.Cut(body, []byte(`"mark":"`))
		end = []byte(`"`)
	}
	digits, _, ok := bytes.Cut(rest, end)
	id, err := strconv.Atoi(string(digits))
	return id - 1, ok && err == nil && 0 < id && id <= maxMarks
}

// await waits until all webhooks have arrived.
func (s *sink) await(ctx context.Context, webhooks []webhook) error {
	come := 0
	err := until(ctx, func() bool {
		for come < len(webhooks) && s.arrived[webhooks[come].mark].Load() != 0 {
			come++
		}
		return come == len(webhooks)
	})
	if err != nil {
		return fmt.Errorf("webhook %d was answered 202 and did not arrive: %w", webhooks[come].mark, err)
	}
	return nil
}

// patience bounds every wait for something that should happen soon.
const patience = 90 * time.Second

// until polls until something has happened.
func until(ctx context.Context, happened func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !happened() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
