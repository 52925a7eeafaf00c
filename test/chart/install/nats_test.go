package install_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

// identity is a self-signed certificate for 127.0.0.1 and for a client, and its key.
type identity struct {
	certificate, key []byte // PEM
}

func newIdentity() identity {
	GinkgoHelper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	Expect(err).NotTo(HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	Expect(err).NotTo(HaveOccurred())
	private, err := x509.MarshalPKCS8PrivateKey(key)
	Expect(err).NotTo(HaveOccurred())
	return identity{
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// trust returns a pool that trusts the identity.
func (i identity) trust() *x509.CertPool {
	pool := x509.NewCertPool()
	Expect(pool.AppendCertsFromPEM(i.certificate)).To(BeTrue())
	return pool
}

// natsServer starts a server with JetStream that ends with the spec. It requires the certificate of client,
// and a user of its own account, whose credentials it returns.
func natsServer(own, client identity) (url string, credentials []byte) {
	GinkgoHelper()
	pair, err := tls.X509KeyPair(own.certificate, own.key)
	Expect(err).NotTo(HaveOccurred())
	options := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: GinkgoT().TempDir(), SyncAlways: true,
		TLS: true, TLSVerify: true, TLSTimeout: patience.Seconds(),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: client.trust(),
		},
	}
	credentials = admit(options)
	s, err := server.NewServer(options)
	Expect(err).NotTo(HaveOccurred())
	s.Start()
	DeferCleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	Expect(s.ReadyForConnections(patience)).To(BeTrue())
	return s.ClientURL(), credentials
}

// admit makes a server accept only the user whose credentials it returns, in nsc's format.
func admit(options *server.Options) (credentials []byte) {
	GinkgoHelper()
	operator, operatorName := newKeys(nkeys.CreateOperator)
	account, accountName := newKeys(nkeys.CreateAccount)
	user, userName := newKeys(nkeys.CreateUser)
	_, systemName := newKeys(nkeys.CreateAccount)

	resolver := &server.MemAccResolver{}
	for name, limits := range map[string]jwt.JetStreamLimits{
		accountName: {DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}, systemName: {},
	} {
		claims := jwt.NewAccountClaims(name)
		claims.Limits.JetStreamLimits = limits
		text, err := claims.Encode(operator)
		Expect(err).NotTo(HaveOccurred())
		Expect(resolver.Store(name, text)).To(Succeed())
	}
	options.TrustedOperators = []*jwt.OperatorClaims{jwt.NewOperatorClaims(operatorName)}
	options.AccountResolver, options.SystemAccount = resolver, systemName

	text, err := jwt.NewUserClaims(userName).Encode(account)
	Expect(err).NotTo(HaveOccurred())
	seed, err := user.Seed()
	Expect(err).NotTo(HaveOccurred())
	credentials, err = jwt.FormatUserConfig(text, seed)
	Expect(err).NotTo(HaveOccurred())
	return credentials
}

// newKeys makes a key pair, and returns the public key as its owner's name.
func newKeys(create func() (nkeys.KeyPair, error)) (keys nkeys.KeyPair, name string) {
	GinkgoHelper()
	keys, err := create()
	Expect(err).NotTo(HaveOccurred())
	name, err = keys.PublicKey()
	Expect(err).NotTo(HaveOccurred())
	return keys, name
}
