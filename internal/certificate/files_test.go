package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

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

// TestTheOldCertificateStaysInUse while the files cannot be loaded.
func TestTheOldCertificateStaysInUse(t *testing.T) {
	for name, damage := range map[string]func(secretVolume) error{
		"a file is missing":     func(v secretVolume) error { return os.Remove(v.path("..2/tls.key")) },
		"the folder is missing": func(v secretVolume) error { return os.RemoveAll(v.path("..2")) },
		"a file is not PEM":     func(v secretVolume) error { return os.WriteFile(v.path("..2/tls.crt"), []byte("hello"), 0o600) },
		"the key is another's":  func(v secretVolume) error { return os.Rename(v.path("..1/tls.key"), v.path("..2/tls.key")) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := secretVolume{t.TempDir()}
				first := v.hold(t, "..1")
				var logged []string
				log := funcr.New(func(_, args string) { logged = append(logged, args) }, funcr.Options{})
				get, err := certificate.Files("receiver", v.path("tls.crt"), v.path("tls.key"), log)
				if err != nil {
					t.Fatal(err)
				}
				v.hold(t, "..2")
				if err := damage(v); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				for range 2 { // the second handshake does not read the files again
					if got := shown(t, get); got != first {
						t.Errorf("certificate %s is shown, want %s", got, first)
					}
				}
				if len(logged) != 1 || !strings.Contains(logged[0], "certificate cannot be reloaded") {
					t.Errorf("logged is %q", logged)
				}
				third := v.hold(t, "..3")
				time.Sleep(time.Minute)
				if got := shown(t, get); got != third {
					t.Errorf("once the files are right, certificate %s is shown, want %s", got, third)
				}
			})
		})
	}
}

// TestFilesThatAreWrittenInPlaceAreTakenUp, as tools outside of a cluster write them.
func TestFilesThatAreWrittenInPlaceAreTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := secretVolume{t.TempDir()}
		second := v.hold(t, "..2")
		v.hold(t, "..1")
		get, err := certificate.Files("receiver", v.path("tls.crt"), v.path("tls.key"), logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range []string{"tls.crt", "tls.key"} {
			text, err := os.ReadFile(filepath.Join(v.path("..2"), name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(v.path(name), text, 0o600); err != nil {
				t.Fatal(err)
			}
			written := time.Now().Add(time.Duration(i+1) * time.Hour) // whatever the file system's resolution
			if err := os.Chtimes(v.path(name), written, written); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if got := shown(t, get); got != second {
			t.Errorf("certificate %s is shown, want %s", got, second)
		}
	})
}

// shown returns the serial number of the certificate that a client is shown.
func shown(t *testing.T, get certificate.Get) string {
	t.Helper()
	c, err := get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return serial(t, c)
}

func TestAChangedSecretIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := secretVolume{t.TempDir()}
		first := v.hold(t, "..1")
		get, err := certificate.Files("receiver", v.path("tls.crt"), v.path("tls.key"), logr.Discard())
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(t, get); got != first {
			t.Errorf("certificate %s is shown, want %s", got, first)
		}
		second := v.hold(t, "..2")
		time.Sleep(time.Minute)
		if got := shown(t, get); got != second {
			t.Errorf("after the change certificate %s is shown, want %s", got, second)
		}
	})
}
