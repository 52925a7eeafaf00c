package receiver

import (
	"crypto/tls"
	"net"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/certificate"
)

// CertificateOf returns the function that provides a Server's certificate.
func CertificateOf(certFile, keyFile string) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	return certificate.Files("receiver", certFile, keyFile, logr.Discard())
}

// ListenOn replaces Listen.
func (s *Server) ListenOn(l net.Listener) { s.listener = l }
