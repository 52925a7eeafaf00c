package receiver

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"
)

// certificateAge is how long a certificate is used without looking whether its files changed.
const certificateAge = 10 * time.Second

// certificate is one in files, read again when they change. It looks at them as handshakes come
// in, so nothing has to run beside the server.
type certificate struct {
	certFile, keyFile string
	log               logr.Logger

	mu      sync.Mutex
	loaded  *tls.Certificate
	looked  time.Time
	changed [2]time.Time // modification times of the two files as loaded
}

// newCertificate reads the files a first time.
func newCertificate(certFile, keyFile string, log logr.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

// get implements tls.Config.GetCertificate. A change that cannot be read leaves the old one.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) >= certificateAge {
		if err := c.load(); err != nil {
			c.log.Error(err, "the certificate's new files cannot be used; the old ones stay")
		}
	}
	return c.loaded, nil
}

// load reads the files if they changed. mu is held.
func (c *certificate) load() error {
	c.looked = time.Now()
	var changed [2]time.Time
	for i, file := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(file)
		if err != nil {
			return fmt.Errorf("certificate of the receiver: %w", err)
		}
		changed[i] = info.ModTime()
	}
	if c.loaded != nil && changed == c.changed {
		return nil
	}
	loaded, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate of the receiver in %s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.loaded, c.changed = &loaded, changed
	return nil
}
