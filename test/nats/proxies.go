package nats

import (
	"strings"

	"github.com/travishook/travishook/test/gate"
)

// Proxies lead one client to the nodes of a cluster.
type Proxies struct {
	// URL names all nodes.
	URL string

	gates []*gate.Gate
}

// NewProxies returns open Proxies.
func (c *Cluster) NewProxies() (*Proxies, error) {
	p := &Proxies{}
	var urls []string
	for _, n := range c.Nodes {
		g, err := gate.New(n.clients.get)
		if err != nil {
			p.Shut()
			return nil, err
		}
		p.gates = append(p.gates, g)
		urls = append(urls, c.scheme()+g.Address)
	}
	p.URL = strings.Join(urls, ",")
	return p, nil
}

// Shut ends all connections, and prevents new ones.
func (p *Proxies) Shut() {
	for _, g := range p.gates {
		g.Shut()
	}
}

// Open undoes Shut.
func (p *Proxies) Open() error {
	for _, g := range p.gates {
		if err := g.Open(); err != nil {
			return err
		}
	}
	return nil
}
