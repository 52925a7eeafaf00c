package certificate_test

import (
	"crypto/x509"
	"testing"

	"github.com/travishook/travishook/internal/certificate"
)

func TestAMadeCertificateIsOfItsNames(t *testing.T) {
	get, err := certificate.SelfSigned("travishook-api.travishook-system.svc", "localhost")
	if err != nil {
		t.Fatal(err)
	}
	made, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(made.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c)
	for _, name := range []string{"travishook-api.travishook-system.svc", "localhost"} {
		if _, err := c.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
