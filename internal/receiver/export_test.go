package receiver

import (
	"crypto/tls"
	"net"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/certificate"
)

// CertificateOf is what a Server asks for its certificate.
func CertificateOf(certFile, keyFile string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	return certificate.Files("receiver", certFile, keyFile, logr.Discard())
}

// ListenOn takes the place of Listen.
func (s *Server) ListenOn(l net.Listener) { s.listener = l }
