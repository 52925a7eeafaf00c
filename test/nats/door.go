package nats

import "strings"

// Door is a way to the cluster that one client has for itself, and that can be shut.
type Door struct {
	// URL names all nodes.
	URL string

	gates []*gate
}

// NewDoor makes one, which is open.
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

// Shut ends all connections, and lets none be made.
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
