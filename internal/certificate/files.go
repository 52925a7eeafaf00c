// Package certificate provides the certificates of the operator's servers: from files, reloaded when they
// change, or self-signed.
package certificate

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// Get is the type of tls.Config.GetCertificate.
type Get func(*tls.ClientHelloInfo) (*tls.Certificate, error)

// checkInterval is the time between two checks whether the files changed.
const checkInterval = 10 * time.Second

// files is a certificate that is reloaded when its files change. They are checked during handshakes, so
// that it needs no goroutine.
type files struct {
	server            string // in errors
	certFile, keyFile string
	log               logr.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	checked time.Time
	infos   [2]os.FileInfo // of the files as loaded
}

// Files loads a certificate from PEM files. server names it in errors.
func Files(server, certFile, keyFile string, log logr.Logger) (Get, error) {
	c := &files{server: server, certFile: certFile, keyFile: keyFile, log: log}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	return c.get, nil
}

// get is a Get. If the changed files cannot be loaded, the old certificate stays in use.
func (c *files) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) >= checkInterval {
		if err := c.load(); err != nil {
			c.log.Error(err, "certificate cannot be reloaded; the old one stays in use", "server", c.server)
		}
	}
	return c.loaded, nil
}

// load loads the files if they changed. mu is held.
func (c *files) load() error {
	c.checked = time.Now()
	var infos [2]os.FileInfo
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("certificate of the %s: %w", c.server, err)
		}
		infos[i] = info
	}
	if c.loaded != nil && same(c.infos[0], infos[0]) && same(c.infos[1], infos[1]) {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate of the %s in %s and %s: %w", c.server, c.certFile, c.keyFile, err)
	}
	c.loaded, c.infos = &loaded, infos
	return nil
}

// same reports whether a path still refers to the same file. A changed Secret is mounted as another file,
// possibly with the same modification time.
func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime())
}
