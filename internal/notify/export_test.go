package notify

import (
	"crypto/x509"
	"net/http"
)

// TrustOnly has a client that NewClient made trust these certificate authorities only.
func TrustOnly(c *http.Client, roots *x509.CertPool) {
	c.Transport.(*transport).next.TLSClientConfig.RootCAs = roots
}
