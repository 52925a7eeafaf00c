package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// The environment variables by which Go finds the system's authorities, and its own default for directories
// on Linux. The image has Mozilla's authorities in the first one.
const (
	rootsFile        = "SSL_CERT_FILE"
	rootsDirectories = "SSL_CERT_DIR"
	defaultRoots     = "/etc/ssl/certs:/etc/pki/tls/certs"
)

// TrustAuthorities makes the whole process trust the authorities in a PEM file besides the system's. It must
// be called before the first connection, because Go reads the system's authorities once.
func TrustAuthorities(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err // names the file
	}
	if err := checkAuthorities(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if set := os.Getenv(rootsFile); set != "" {
		joined, err := join(set, text)
		if err != nil {
			return fmt.Errorf("add the certificates of %s to those of %s, which is set to %s: %w", file, rootsFile, set, err)
		}
		defer func() { _ = os.Remove(joined) }() //nolint:gosec // made by join
		file = joined
	} else if os.Getenv(rootsDirectories) == "" {
		err = os.Setenv(rootsDirectories, defaultRoots)
	}
	if err := errors.Join(err, os.Setenv(rootsFile, file)); err != nil {
		return err
	}
	_, err = x509.SystemCertPool() // reads the file
	return err
}

// join writes the certificates of a file and further ones to a temporary file.
func join(file string, further []byte) (joined string, err error) {
	text, err := os.ReadFile(file) //nolint:gosec // the environment names it
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp("", "authorities-*.pem")
	if err != nil {
		return "", err
	}
	_, err = f.Write(append(append(text, '\n'), further...))
	return f.Name(), errors.Join(err, f.Close())
}

// checkAuthorities returns an error unless text is certificates of authorities as PEM. Text between them is a
// comment, as usual in such files.
func checkAuthorities(text []byte) error {
	found := 0
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		found++
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("block %d is a %s: only certificates of authorities belong there", found, block.Type)
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("certificate %d cannot be parsed: %w", found, err)
		}
		if certificate.BasicConstraintsValid && !certificate.IsCA {
			return fmt.Errorf("certificate %d (%s) is not an authority's but a server's or a client's: put the one there that issued it", found, certificate.Subject)
		}
	}
	if found == 0 {
		return errors.New("it has no certificate: put the authorities there as PEM")
	}
	return nil
}
