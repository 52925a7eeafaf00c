package docs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"sigs.k8s.io/yaml"
)

// natsValues are the parts of the values of NATS' chart that become the servers' configuration.
type natsValues struct {
	Config struct {
		Cluster   struct{ Replicas int }
		JetStream struct{ Merge map[string]any } `json:"jetstream"`
		NATS      struct {
			TLS struct{ Merge map[string]any }
		} `json:"nats"`
		Merge map[string]any
	}
}

// A server that is configured as the chart does it, by the values on the page, syncs each write and admits the
// operator's certificate and no other.
func TestNATSByTheValuesOnThePage(t *testing.T) {
	values := readNATSValues(t)
	if values.Config.Cluster.Replicas < 3 {
		t.Errorf("%d servers, want three", values.Config.Cluster.Replicas)
	}
	dir := t.TempDir()
	authority := newAuthority(t, dir)
	s := startNATS(t, dir, values)

	connection, err := nats.Connect(s.ClientURL(), nats.Secure(authority.client(t, "travishook")))
	if err != nil {
		t.Fatalf("the operator is not admitted: %v", err)
	}
	t.Cleanup(connection.Close)
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.AccountInfo(t.Context()); err != nil {
		t.Errorf("the operator's account has no JetStream: %v", err)
	}
	for _, name := range []string{"somebody", "travishook-2"} {
		if _, err := nats.Connect(s.ClientURL(), nats.Secure(authority.client(t, name))); err == nil {
			t.Errorf("a certificate for %s is admitted", name)
		}
	}
}

func readNATSValues(t *testing.T) natsValues {
	t.Helper()
	var values natsValues
	for _, b := range page(t, "docs/operations/high-availability.md").Blocks() {
		if b.Name() == "nats-values.yaml" {
			if err := yaml.Unmarshal([]byte(b.Text), &values); err != nil {
				t.Fatal(err)
			}
			return values
		}
	}
	t.Fatal("the page has no values for NATS")
	return values
}

// startNATS starts a server with the configuration that the chart makes of the values.
func startNATS(t *testing.T, dir string, values natsValues) *server.Server {
	t.Helper()
	config := values.Config.Merge
	js, secure := values.Config.JetStream.Merge, values.Config.NATS.TLS.Merge
	js["store_dir"] = filepath.Join(dir, "data")
	secure["ca_file"] = filepath.Join(dir, "ca.crt")
	secure["cert_file"] = filepath.Join(dir, "server.crt")
	secure["key_file"] = filepath.Join(dir, "server.key")
	config["jetstream"], config["tls"] = js, secure
	config["listen"] = "127.0.0.1:-1"
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	options, err := server.ProcessConfigFile(path)
	if err != nil {
		t.Fatal(err)
	}
	options.NoLog, options.NoSigs = true, true
	if !options.SyncAlways {
		t.Error("the servers do not sync each write")
	}
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	return s
}

// authority issues certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority writes ca.crt, and server.crt and server.key for this machine.
func newAuthority(t *testing.T, dir string) authority {
	t.Helper()
	a := authority{}
	der, key := a.issue(t, "authority", true)
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a = authority{certificate: certificate, key: key}
	server, serverKey := a.issue(t, "server", false)
	private, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.crt":     {Type: "CERTIFICATE", Bytes: der},
		"server.crt": {Type: "CERTIFICATE", Bytes: server},
		"server.key": {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// issue returns a certificate, signed by the authority or, if that has none yet, by itself.
func (a authority) issue(t *testing.T, name string, isCA bool) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: isCA, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// client returns the TLS of a client whose certificate has this common name.
func (a authority) client(t *testing.T, name string) *tls.Config {
	t.Helper()
	der, key := a.issue(t, name, false)
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: roots,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
	}
}
