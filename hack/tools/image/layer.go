package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

const (
	user       = "65532"
	entrypoint = "/travishook"
	passwd     = "travishook:x:65532:65532::/nonexistent:/sbin/nologin\n"
	group      = "travishook:x:65532:\n"
)

// epoch is the time of every file, so that the same source gives the same image.
var epoch = time.Unix(0, 0).UTC()

// layer returns the image's only layer as a tar archive: the program, the public certificate
// authorities, the user that the program runs as and the licenses of what the program contains.
func layer(binary, notices string) ([]byte, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	licenses, err := os.ReadFile(notices)
	if err != nil {
		return nil, err
	}
	authorities, err := certificates()
	if err != nil {
		return nil, fmt.Errorf("collect the certificate authorities: %w", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: epoch}); err != nil {
			return nil, err
		}
	}
	for _, f := range []struct {
		name    string
		mode    int64
		content []byte
	}{
		{"etc/group", 0o644, []byte(group)},
		{"etc/passwd", 0o644, []byte(passwd)},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities},
		{"NOTICES", 0o644, licenses},
		{entrypoint[1:], 0o755, program},
	} {
		if err := add(w, f.name, f.mode, f.content); err != nil {
			return nil, err
		}
	}
	// The archive is complete only once its end is written.
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// certificates returns Mozilla's certificate authorities for servers as PEM, from a module of the Go
// project that go.mod pins: what the machine that builds the image trusts does not get into it. An
// authority that is trusted under a constraint is left out, because PEM cannot express it.
func certificates() ([]byte, error) {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		c, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "# %s\n", c.Subject)
		if err := pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func add(w *tar.Writer, name string, mode int64, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: epoch}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
