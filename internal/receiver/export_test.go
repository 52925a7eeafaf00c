package receiver

import (
	"crypto/tls"
	"net"

	"github.com/go-logr/logr"
)

// CertificateOf is what a Server asks for its certificate.
func CertificateOf(certFile, keyFile string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	c, err := newCertificate(certFile, keyFile, logr.Discard())
	if err != nil {
		return nil, err
	}
	return c.get, nil
}

// ListenOn takes the place of Listen.
func (s *Server) ListenOn(l net.Listener) { s.listener = l }
