package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Keys of a Secret that have the same meaning in every service that uses them.
const (
	// KeyServer is the server as host:port, and takes precedence over the account's field: whoever may
	// edit the account but not the Secret cannot send the credential to another server.
	KeyServer = "server"
	// KeyCA are the certificate authorities of the server, as PEM.
	KeyCA = "ca.crt"
)

// ParseServer returns the host:port of the account's field server or of the Secret's key, which takes
// precedence; nothing if neither names one. Its errors are for a condition and do not show the Secret's.
func ParseServer(field string, credential Credential) (string, error) {
	server, name := field, fmt.Sprintf("server %.80q", field)
	if s := strings.TrimSpace(credential[KeyServer].Reveal()); s != "" {
		server, name = s, "the key server of the Secret"
	}
	if server == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(server)
	if err != nil || host == "" || strings.ContainsAny(host, "/@ \t\r\n") || !isPort(port) {
		return "", fmt.Errorf("%s is not a server: write it as host:port", name)
	}
	return server, nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// parseRoots returns the certificate authorities in the Secret, nil for the system's.
func parseRoots(credential Credential) (*x509.CertPool, error) {
	pem := credential[KeyCA]
	if pem.Empty() {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(pem.Reveal())) {
		return nil, errors.New("the key ca.crt of the Secret has no certificate: put the authority's certificate there as PEM")
	}
	return roots, nil
}

// ParseTLS returns the configuration of an account's encrypted connections to a host: with the authorities and the
// client's certificate in the Secret.
func ParseTLS(credential Credential, host string) (*tls.Config, error) {
	options, err := connectionOptions(Options{}, credential)
	if err != nil {
		return nil, err
	}
	config := options.tls()
	config.ServerName = host
	return config, nil
}
