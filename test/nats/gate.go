package nats

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// endpoint is where a node listens. The node chooses another port each time it starts, so that no other
// process can have taken it.
type endpoint struct{ address atomic.Pointer[string] }

func (e *endpoint) set(address string) { e.address.Store(&address) }

// get returns an error while the node has not started yet.
func (e *endpoint) get() (string, error) {
	if address := e.address.Load(); address != nil {
		return *address, nil
	}
	return "", errors.New("the node has not started")
}

// gate is a TCP proxy that can be shut, as a network can. It keeps its address, wherever the node behind it
// listens.
type gate struct {
	address string
	target  *endpoint

	mu       sync.Mutex
	listener net.Listener
	passing  map[net.Conn]bool
}

func newGate(target *endpoint) (*gate, error) {
	g := &gate{address: "127.0.0.1:0", target: target, passing: map[net.Conn]bool{}}
	return g, g.open()
}

// open lets connections through, at the same address each time.
func (g *gate) open() error {
	listener, err := net.Listen("tcp", g.address)
	if err != nil {
		return fmt.Errorf("open gate: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listener, g.address = listener, listener.Addr().String()
	go g.accept(listener)
	return nil
}

func (g *gate) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go g.pass(near)
	}
}

// shut ends all connections and accepts no new ones.
func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		return
	}
	_ = g.listener.Close()
	g.listener = nil
	for c := range g.passing {
		_ = c.Close()
	}
}

func (g *gate) pass(near net.Conn) {
	far, err := g.dial()
	if err != nil {
		_ = near.Close()
		return
	}
	if !g.enter(near, far) {
		return
	}
	defer g.leave(near, far)
	go func() {
		_, _ = io.Copy(far, near)
		_ = far.Close()
	}()
	_, _ = io.Copy(near, far)
}

func (g *gate) dial() (net.Conn, error) {
	address, err := g.target.get()
	if err != nil {
		return nil, err
	}
	return net.Dial("tcp", address)
}

func (g *gate) enter(both ...net.Conn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range both {
		if g.listener == nil {
			_ = c.Close()
			continue
		}
		g.passing[c] = true
	}
	return g.listener != nil
}

func (g *gate) leave(both ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range both {
		_ = c.Close()
		delete(g.passing, c)
	}
}
