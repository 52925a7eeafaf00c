// Package image_test checks the container image that make image writes.
package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"debug/elf"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// descriptor is how an OCI index points at a manifest, and a manifest at a blob.
type descriptor struct {
	Digest   string
	Platform struct{ OS, Architecture string }
}

type manifest struct {
	Config      descriptor
	Layers      []descriptor
	Annotations map[string]string
}

type config struct {
	OS, Architecture string
	Config           struct {
		User       string
		Entrypoint []string
		Labels     map[string]string
	}
}

func TestImage(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image.tar")
	run(t, []string{"ARCH=amd64", "OUT=" + out}, filepath.Join(root, "hack", "image.sh"))
	blobs := unpack(t, out)
	images := manifests(t, blobs)
	if len(images) != 1 {
		t.Fatalf("%d images in the archive, want 1", len(images))
	}
	m := decode[manifest](t, blobs, path(images[0]))
	c := decode[config](t, blobs, path(m.Config))
	if c.OS != "linux" || c.Architecture != "amd64" {
		t.Errorf("image is for %s/%s, want linux/amd64", c.OS, c.Architecture)
	}
	if c.Config.User != "65532" {
		t.Errorf("runs as user %q, want 65532", c.Config.User)
	}
	if diff := cmp.Diff([]string{"/travishook"}, c.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}
	for _, label := range []string{"title", "description", "licenses", "source", "version"} {
		name := "org.opencontainers.image." + label
		if c.Config.Labels[name] == "" || m.Annotations[name] == "" {
			t.Errorf("no label or annotation %s", name)
		}
	}
	checkFiles(t, layerFiles(t, blobs, m))
}

func checkFiles(t *testing.T, files map[string][]byte) {
	t.Helper()
	binary, err := elf.NewFile(bytes.NewReader(files["travishook"]))
	if err != nil {
		t.Fatalf("the entrypoint is no program: %v", err)
	}
	for _, p := range binary.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a dynamic linker, which the image lacks")
		}
	}
	if len(files) != 5 {
		t.Errorf("%d files in the image, want the program, the certificates, passwd, group and NOTICES", len(files))
	}
	if !bytes.Contains(files["NOTICES"], []byte("=== k8s.io/client-go ")) {
		t.Error("the image lacks the license of client-go, which the program contains")
	}
	checkAuthorities(t, files["etc/ssl/certs/ca-certificates.crt"])
}

// checkAuthorities wants public certificate authorities, and none that only the machine that builds
// the image trusts.
func checkAuthorities(t *testing.T, bundle []byte) {
	t.Helper()
	public := 0
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if !c.IsCA {
			t.Errorf("%s is no certificate authority", c.Subject)
		}
		public++
	}
	if public < 50 || !bytes.Contains(bundle, []byte("ISRG Root X1")) {
		t.Errorf("%d certificate authorities, want those that public servers use", public)
	}
}

// A machine with a private authority (a company's, say) builds the same image as any other.
func TestImageIsReproducible(t *testing.T) {
	dir := t.TempDir()
	private := filepath.Join(dir, "private.crt")
	if err := os.WriteFile(private, []byte("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	programs := []string{program(t, dir, "amd64"), program(t, dir, "arm64")}
	tool := filepath.Join(dir, "image")
	run(t, nil, "go", "-C", filepath.Join(root, "hack", "tools", "image"), "build", "-o", tool, ".")
	var archives [][]byte
	for _, env := range [][]string{nil, {"SSL_CERT_FILE=" + private, "TZ=Asia/Tokyo"}} {
		out := filepath.Join(dir, "image.tar")
		run(t, env, tool, append([]string{"-tag", "example/travishook:test", "-out", out, "-notices", filepath.Join(root, "LICENSE")}, programs...)...)
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, content)
	}
	if !bytes.Equal(archives[0], archives[1]) {
		t.Error("two machines write different images of the same programs")
	}

	blobs := map[string][]byte{}
	readTar(t, archives[0], blobs)
	var platforms []string
	for _, d := range manifests(t, blobs) {
		platforms = append(platforms, d.Platform.OS+"/"+d.Platform.Architecture)
		layerFiles(t, blobs, decode[manifest](t, blobs, path(d)))
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, platforms); diff != "" {
		t.Errorf("platforms (-want +got):\n%s", diff)
	}
}

// program compiles the smallest Go program.
func program(t *testing.T, dir, arch string) string {
	t.Helper()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, arch)
	run(t, []string{"GOOS=linux", "CGO_ENABLED=0", "GOARCH=" + arch}, "go", "build", "-trimpath", "-o", out, source)
	return out
}

func run(t *testing.T, env []string, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", filepath.Base(name), err, output)
	}
}

func unpack(t *testing.T, archive string) map[string][]byte {
	t.Helper()
	content, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	readTar(t, content, files)
	return files
}

// readTar reads a whole archive. Go's reader is content with one that lacks its end, GNU tar is not.
func readTar(t *testing.T, content []byte, files map[string][]byte) {
	t.Helper()
	if !bytes.HasSuffix(content, make([]byte, 1024)) {
		t.Error("the archive is truncated: it lacks the two empty blocks at its end")
	}
	for archive := tar.NewReader(bytes.NewReader(content)); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func manifests(t *testing.T, blobs map[string][]byte) []descriptor {
	t.Helper()
	return decode[struct{ Manifests []descriptor }](t, blobs, "index.json").Manifests
}

func layerFiles(t *testing.T, blobs map[string][]byte, m manifest) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, layer := range m.Layers {
		unzipped, err := gzip.NewReader(bytes.NewReader(blobs[path(layer)]))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(unzipped)
		if err != nil {
			t.Fatal(err)
		}
		readTar(t, content, files)
	}
	return files
}

func path(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func decode[T any](t *testing.T, blobs map[string][]byte, name string) T {
	t.Helper()
	var into T
	if err := json.Unmarshal(blobs[name], &into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return into
}
