package receiver

import (
	"crypto/tls"

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
