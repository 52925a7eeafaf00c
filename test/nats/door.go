package nats

import "strings"

// Door is a set of gates to the cluster for one client.
type Door struct {
	// URL names all nodes.
	URL string

	gates []*gate
}

// NewDoor returns an open Door.
func (c *Cluster) NewDoor() (*Door, error) {
	d := &Door{}
	var urls []string
	for _, n := range c.Nodes {
		g, err := newGate(&n.clients)
		if err != nil {
			d.Shut()
			return nil, err
		}
		d.gates = append(d.gates, g)
		urls = append(urls, c.scheme()+g.address)
	}
	d.URL = strings.Join(urls, ",")
	return d, nil
}

// Shut ends all connections, and prevents new ones.
func (d *Door) Shut() {
	for _, g := range d.gates {
		g.shut()
	}
}

// Open undoes Shut.
func (d *Door) Open() error {
	for _, g := range d.gates {
		if err := g.open(); err != nil {
			return err
		}
	}
	return nil
}
