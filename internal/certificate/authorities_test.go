package certificate_test

import (
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/certificate"
)

// What a usable bundle is for, test/e2e shows: the authorities of a process are read once.
func TestABundleThatCannotBeUsedIsASentence(t *testing.T) {
	tls := httptest.NewTLSServer(nil)
	defer tls.Close()
	good := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}))
	for name, c := range map[string]struct{ text, set, want string }{
		"nothing":         {"", "", "it has no certificate: put the authorities there as PEM"},
		"something else":  {"hello", "", "it has no certificate"},
		"a key":           {good + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY"})), "", "block 2 is a PRIVATE KEY"},
		"damage":          {string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "", "certificate 1 cannot be parsed"},
		"another setting": {good, "/none.pem", "those of SSL_CERT_FILE, which is set to /none.pem: open /none.pem: no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SSL_CERT_FILE", c.set)
			file := filepath.Join(t.TempDir(), "ca.crt")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := certificate.TrustAuthorities(file)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
				t.Errorf("error is %v, want %q and %s in it", err, c.want, file)
			}
		})
	}
	if err := certificate.TrustAuthorities("/none.pem"); err == nil || !strings.Contains(err.Error(), "/none.pem") {
		t.Errorf("a missing file: %v", err)
	}
}
