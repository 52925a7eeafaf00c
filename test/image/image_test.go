// Package image_test looks into the container image that make image writes.
package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// descriptor is how an OCI manifest points at a blob.
type descriptor struct {
	Digest string
}

type config struct {
	OS, Architecture string
	Config           struct {
		User       string
		Entrypoint []string
	}
}

func TestImage(t *testing.T) {
	blobs := unpack(t, build(t))
	var index struct{ Manifests []descriptor }
	decode(t, blobs, "index.json", &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("%d images in the archive, want 1", len(index.Manifests))
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	decode(t, blobs, path(index.Manifests[0]), &manifest)
	var c config
	decode(t, blobs, path(manifest.Config), &c)

	if c.OS != "linux" || c.Architecture != "amd64" {
		t.Errorf("image is for %s/%s, want linux/amd64", c.OS, c.Architecture)
	}
	if c.Config.User != "65532" {
		t.Errorf("runs as user %q, want 65532", c.Config.User)
	}
	if diff := cmp.Diff([]string{"/travishook"}, c.Config.Entrypoint); diff != "" {
		t.Errorf("entrypoint (-want +got):\n%s", diff)
	}

	files := map[string][]byte{}
	for _, layer := range manifest.Layers {
		unzipped, err := gzip.NewReader(bytes.NewReader(blobs[path(layer)]))
		if err != nil {
			t.Fatal(err)
		}
		readTar(t, unzipped, files)
	}
	checkFiles(t, files)
	checkDockerfile(t, c, files)
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
	if !bytes.Contains(files["etc/ssl/certs/ca-certificates.crt"], []byte("BEGIN CERTIFICATE")) {
		t.Error("the image has no certificates of public authorities")
	}
	if len(files) != 4 {
		t.Errorf("%d files in the image, want the program, the certificates, passwd and group", len(files))
	}
}

// checkDockerfile keeps the two ways to the image together.
func checkDockerfile(t *testing.T, c config, files map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile := strings.ReplaceAll(string(text), `\n`, "\n")
	for _, want := range []string{
		"\nUSER " + c.Config.User + "\n",
		"\nENTRYPOINT [\"" + c.Config.Entrypoint[0] + "\"]\n",
		string(files["etc/passwd"]),
		string(files["etc/group"]),
	} {
		if !strings.Contains(dockerfile, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(mod)
	if !strings.Contains(dockerfile, "golang:"+string(version[1])+" ") {
		t.Errorf("the Dockerfile does not build with Go %s, as go.mod does", version[1])
	}
}

func build(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "image.sh"))
	out := filepath.Join(t.TempDir(), "image.tar")
	cmd.Env = append(os.Environ(), "ARCH=amd64", "OUT="+out)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("hack/image.sh: %v\n%s", err, output)
	}
	return out
}

func unpack(t *testing.T, archive string) map[string][]byte {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	files := map[string][]byte{}
	readTar(t, f, files)
	return files
}

func readTar(t *testing.T, r io.Reader, files map[string][]byte) {
	t.Helper()
	for archive := tar.NewReader(r); ; {
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

func path(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func decode(t *testing.T, blobs map[string][]byte, name string, into any) {
	t.Helper()
	if err := json.Unmarshal(blobs[name], into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
