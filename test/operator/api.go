package operator

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// apiListensMessage is the log message with which the operator names its API's address.
const apiListensMessage = "operator API listens"

// APIAddress waits until the operator says where its API listens.
func (p *Process) APIAddress(ctx context.Context) (string, error) {
	select {
	case address := <-p.api:
		p.api <- address
		return address, nil
	case <-p.ended:
		return "", fmt.Errorf("the operator ended by itself: %s", p.lastLine())
	case <-ctx.Done():
		return "", errors.New("the operator did not say where its API listens")
	}
}

// API returns the URL of the operator's API, and writes the certificate that the operator made for itself to
// file, for kubectl travis --operator and --operator-ca.
func (p *Process) API(ctx context.Context, file string) (url string, err error) {
	address, err := p.APIAddress(ctx)
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("address of the operator's API: %w", err)
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // only to get the certificate of this very process
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("connect to the operator's API: %w", err)
	}
	defer func() { _ = connection.Close() }()
	own := connection.(*tls.Conn).ConnectionState().PeerCertificates[0]
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return "", fmt.Errorf("write the certificate of the operator's API: %w", err)
	}
	return "https://localhost:" + port, nil
}

// BuildPlugin compiles kubectl travis of the module at root into root/bin and returns its path.
func BuildPlugin(ctx context.Context, root string) (string, error) {
	return build(ctx, root, "kubectl-travis", "kubectl-travis")
}

// InstallPlugin compiles kubectl travis, and puts a link to it into dir.
func InstallPlugin(ctx context.Context, root, dir string) error {
	binary, err := BuildPlugin(ctx, root)
	if err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(dir, filepath.Base(binary))); err != nil {
		return fmt.Errorf("install kubectl travis: %w", err)
	}
	return nil
}
