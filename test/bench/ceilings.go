package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

// ceiling is a minimal receiver: it reads the form, verifies, decodes, and stores the event with a given
// function. It looks nothing up, and remembers, sends, counts and logs nothing.
type ceiling struct {
	ring *verify.Keyring
	keep func(context.Context, *travis.Event) error
}

// serve runs it on a free port until stop is called.
func (c *ceiling) serve() (address string, stop func(), err error) {
	c.ring = verify.NewKeyring(verify.Key{Name: "travis", Public: &travistest.Key().PublicKey})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{Handler: c, ReadHeaderTimeout: drain}
	go func() { _ = s.Serve(listener) }()
	return listener.Addr().String(), func() { _ = s.Close() }, nil
}

// ServeHTTP implements http.Handler.
func (c *ceiling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	if _, err := body.ReadFrom(r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(body.String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	payload := []byte(form.Get("payload"))
	signature, err := verify.ParseSignature(r.Header.Get("Signature"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	digest := verify.NewDigest()
	_, _ = digest.Write(payload) // never fails
	if _, err := c.ring.VerifyDigest(r.Header.Get("Travis-Repo-Slug"), digest.Sum(nil), signature); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	event, err := travis.Decode(payload)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := c.keep(r.Context(), event); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func forget(context.Context, *travis.Event) error { return nil }

// plainStream is an embedded JetStream stream that syncs each message, as the operator's store does, with
// one message for each event.
type plainStream struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

func openPlainStream(ctx context.Context, dir string) (*plainStream, error) {
	s, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, JetStream: true, StoreDir: dir, SyncAlways: true, DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure the ceiling's server: %w", err)
	}
	s.Start()
	p := &plainStream{server: s}
	if !s.ReadyForConnections(drain) {
		return nil, errors.Join(errors.New("the ceiling's server does not start"), p.close())
	}
	if err := p.connect(ctx); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *plainStream) connect(ctx context.Context) (err error) {
	if p.conn, err = nats.Connect("", nats.InProcessServer(p.server)); err != nil {
		return fmt.Errorf("connect to the ceiling's server: %w", err)
	}
	if p.js, err = jetstream.New(p.conn); err != nil {
		return fmt.Errorf("connect to the ceiling's server: %w", err)
	}
	if _, err = p.js.CreateStream(ctx, jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events"}}); err != nil {
		return fmt.Errorf("make the ceiling's stream: %w", err)
	}
	return nil
}

func (p *plainStream) keep(ctx context.Context, e *travis.Event) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	_, err = p.js.Publish(ctx, "events", data)
	return err
}

func (p *plainStream) close() error {
	if p.conn != nil {
		p.conn.Close()
	}
	p.server.Shutdown()
	p.server.WaitForShutdown()
	return nil
}

// syncRate appends blocks to a file, each synced before the next, and returns the rate per second.
func syncRate(path string, span time.Duration) (float64, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("measure the disk: %w", err)
	}
	defer os.Remove(path)
	defer file.Close()
	block := make([]byte, 4<<10)
	n, began := 0, time.Now()
	for ; time.Since(began) < span; n++ {
		if _, err := file.Write(block); err != nil {
			return 0, fmt.Errorf("measure the disk: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("measure the disk: %w", err)
		}
	}
	return float64(n) / time.Since(began).Seconds(), nil
}
