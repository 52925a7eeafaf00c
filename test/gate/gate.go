// Package gate is a TCP proxy in front of a server that can be shut, as a network can.
package gate

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/travishook/travishook/test/port"
)

// Gate is the proxy. It keeps its address, wherever the server behind it listens.
type Gate struct {
	Address string

	target func() (string, error)

	mu       sync.Mutex
	listener net.Listener // nil while it is shut
	passing  map[net.Conn]bool
}

// New returns an open Gate to the server at the address that target returns, for each connection.
func New(target func() (string, error)) (*Gate, error) {
	address, err := port.Free()
	if err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	g := &Gate{Address: address, target: target, passing: map[net.Conn]bool{}}
	return g, g.Open()
}

// Open lets connections through.
func (g *Gate) Open() error {
	listener, err := net.Listen("tcp", g.Address)
	if err != nil {
		return fmt.Errorf("open gate: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listener = listener
	go g.accept(listener)
	return nil
}

// Shut ends all connections and accepts no new ones.
func (g *Gate) Shut() {
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

func (g *Gate) accept(listener net.Listener) {
	for {
		near, err := listener.Accept()
		if err != nil {
			return
		}
		go g.pass(near)
	}
}

func (g *Gate) pass(near net.Conn) {
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

func (g *Gate) dial() (net.Conn, error) {
	address, err := g.target()
	if err != nil {
		return nil, err
	}
	return net.Dial("tcp", address)
}

// enter registers a connection and the one that it is passed on to; it closes them if the gate is shut.
func (g *Gate) enter(both ...net.Conn) bool {
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

func (g *Gate) leave(both ...net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range both {
		_ = c.Close()
		delete(g.passing, c)
	}
}
