package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/travishook/travishook/test/soak/victim"
)

// behavior is the probability of each fault of a channel. Without a fault it accepts the message and answers.
type behavior struct {
	name string
	// fails: 503. limits: 429, to come again in a second. refuses: 400, for good.
	fails, limits, refuses float64
	// loses: it accepts the message and closes the connection without an answer.
	loses float64
	// stalls: it waits before it does any of the above.
	stalls float64
}

// behaviors are assigned to channels in turn. Every second one is sound, the others have each fault in several
// proportions.
var behaviors = []behavior{
	{name: "sound"},
	{name: "fails 10 %", fails: 0.1},
	{name: "sound"},
	{name: "fails 50 %", fails: 0.5},
	{name: "sound"},
	{name: "fails 90 %", fails: 0.9},
	{name: "sound"},
	{name: "loses the answer 10 %", loses: 0.1},
	{name: "sound"},
	{name: "loses the answer 50 %", loses: 0.5},
	{name: "sound"},
	{name: "loses the answer 90 %", loses: 0.9},
	{name: "sound"},
	{name: "stalls 10 %", stalls: 0.1},
	{name: "sound"},
	{name: "stalls 50 %", stalls: 0.5},
	{name: "sound"},
	{name: "stalls and fails 50 %", stalls: 1, fails: 0.5},
	{name: "sound"},
	{name: "limits 50 %", limits: 0.5},
	{name: "sound"},
	{name: "refuses 20 %", refuses: 0.2},
	{name: "sound"},
	{name: "everything 15 %", fails: 0.15, loses: 0.15, limits: 0.15, refuses: 0.15, stalls: 0.15},
	{name: "sound"},
	{name: "takes nothing until the end", fails: 1},
}

// longestStall is much shorter than an attempt's timeout.
const longestStall = 2 * time.Second

func (m *behavior) sound() bool { return m.name == "sound" }

func behaviorOf(channel int) *behavior { return &behaviors[channel%len(behaviors)] }

// channels serves all channels of the tenants. It outlives the victims.
type channels struct {
	url      string
	ledger   *ledger
	server   *http.Server
	repaired atomic.Bool // all are sound

	// Messages of dead victims are ignored.
	mu     sync.RWMutex
	living map[int]bool // by generation
	latest int
}

func openChannels(l *ledger) (*channels, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the channels: %w", err)
	}
	r := &channels{url: "http://" + listener.Addr().String(), ledger: l, living: map[int]bool{}}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second, ConnContext: r.note}
	go func() { _ = r.server.Serve(listener) }()
	return r, nil
}

func (r *channels) close() { _ = r.server.Close() }

// started registers a victim, so that its messages count.
func (r *channels) started(generation int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.living[generation], r.latest = true, generation
}

// ended removes a victim, so that its messages no longer count.
func (r *channels) ended(generation int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.living, generation)
	r.ledger.died(generation)
}

// dialler is the key under which a connection's context says which generation was the latest when it began.
type dialler struct{}

func (r *channels) note(ctx context.Context, _ net.Conn) context.Context {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return context.WithValue(ctx, dialler{}, r.latest)
}

// ServeHTTP implements http.Handler.
func (r *channels) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	t, err := parse(req)
	if err != nil {
		r.ledger.fault("a channel could not read a message: %v", err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m, dice := behaviorOf(t.channel), rand.Float64()
	if r.repaired.Load() {
		m = &behaviors[0]
	}
	if rand.Float64() < m.stalls {
		select {
		case <-req.Context().Done():
			return
		case <-time.After(rand.N(longestStall)):
		}
	}
	for _, fault := range []struct {
		often  float64
		status int
	}{{m.fails, http.StatusServiceUnavailable}, {m.limits, http.StatusTooManyRequests}, {m.refuses, http.StatusBadRequest}} {
		if dice -= fault.often; dice < 0 {
			r.decline(w, t, fault.status)
			return
		}
	}
	if dice -= m.loses; dice < 0 {
		t.unanswered = true
	}
	if r.ifAlive(t, func() { r.ledger.take(t) }); t.unanswered {
		panic(http.ErrAbortHandler) // hangs up
	}
}

func (r *channels) decline(w http.ResponseWriter, t take, status int) {
	switch status {
	case http.StatusBadRequest:
		r.ifAlive(t, func() { r.ledger.refuse(t.delivery) })
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
}

// ifAlive calls record if the victim that sent the message is alive.
func (r *channels) ifAlive(t take, record func()) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.living[t.generation] {
		record()
	}
}

// parse reads a webhook account's message. The build's number is the event's serial.
func parse(req *http.Request) (t take, err error) {
	if t.channel, err = victim.ParseChannel(req.URL.Path); err != nil {
		return t, err
	}
	if t.generation, err = victim.GenerationOf(req.UserAgent()); err != nil { // the whole operator does not say
		t.generation = req.Context().Value(dialler{}).(int)
	}
	var body struct {
		ID, Message string
		Build       struct{ Number string }
	}
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return t, err
	}
	if err = json.Unmarshal(data, &body); err != nil {
		return t, err
	}
	t.id, t.message = body.ID, body.Message
	t.serial, err = strconv.Atoi(body.Build.Number)
	return t, err
}
