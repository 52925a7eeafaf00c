package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/certificate"
)

// secretVolume is a folder as the kubelet fills it: the files are links through one link, which is
// replaced when the Secret changes.
type secretVolume struct{ folder string }

func (v secretVolume) path(name string) string { return filepath.Join(v.folder, name) }

// hold has the files show another certificate, whose serial number it returns.
func (v secretVolume) hold(t *testing.T, version string) string {
	t.Helper()
	get, err := certificate.SelfSigned("hooks.example.com")
	if err != nil {
		t.Fatal(err)
	}
	made, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(v.path(version), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"tls.crt": {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, "tls.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(v.path(version), name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join("..data", name), v.path(name)); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(version, v.path("..data_tmp")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(v.path("..data_tmp"), v.path("..data")); err != nil {
		t.Fatal(err)
	}
	return serial(t, made)
}

func serial(t *testing.T, c *tls.Certificate) string {
	t.Helper()
	parsed, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return parsed.SerialNumber.String()
}

func TestAChangedSecretIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := secretVolume{t.TempDir()}
		first := v.hold(t, "..1")
		get, err := certificate.Files("receiver", v.path("tls.crt"), v.path("tls.key"), logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		shown := func() string {
			c, err := get(nil)
			if err != nil {
				t.Fatal(err)
			}
			return serial(t, c)
		}
		if got := shown(); got != first {
			t.Errorf("certificate %s is shown, want %s", got, first)
		}
		second := v.hold(t, "..2")
		<-time.After(time.Minute)
		if got := shown(); got != second {
			t.Errorf("after the change certificate %s is shown, want %s", got, second)
		}
	})
}
