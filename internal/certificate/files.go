// Package certificate has the certificates that the operator's servers show: from files, read again
// when these change, or made at the start.
package certificate

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// Get is what tls.Config.GetCertificate asks.
type Get func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// maxAge is how long a certificate is used without looking whether its files changed.
const maxAge = 10 * time.Second

// files hold one, read again when they change. They are looked at as handshakes come in, so nothing
// has to run beside the server.
type files struct {
	of                string // whose it is
	certFile, keyFile string
	log               logr.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	looked time.Time
	were   [2]os.FileInfo // the two files as loaded
}

// Files reads the certificate of a server, called as in an error, from files with PEM.
func Files(of, certFile, keyFile string, log logr.Logger) (Get, error) {
	c := &files{of: of, certFile: certFile, keyFile: keyFile, log: log}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	return c.get, nil
}

// get is a Get. A change that cannot be read leaves the old one.
func (c *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= maxAge {
		if err := c.load(); err != nil {
			c.log.Error(err, "the certificate's new files cannot be used; the old ones stay")
		}
	}
	return c.loaded, nil
}

// load reads the files if they changed. mu is held.
func (c *files) load() error {
	c.looked = time.Now()
	var are [2]os.FileInfo
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("certificate of the %s: %w", c.of, err)
		}
		are[i] = info
	}
	if c.loaded != nil && same(c.were[0], are[0]) && same(c.were[1], are[1]) {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate of the %s in %s and %s: %w", c.of, c.certFile, c.keyFile, err)
	}
	c.loaded, c.were = &loaded, are
	return nil
}

// same reports whether a path has led to the same content. A mounted Secret is another file after a
// change, whatever its time says.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}
