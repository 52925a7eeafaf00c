// Command image writes the operator's container image as an OCI archive, without a container
// engine: the same content as the Dockerfile's. podman load, docker load, kind load
// image-archive, ctr image import and skopeo take it.
package main

import (
	"archive/tar"
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What the Dockerfile says too; test/image compares them.
const (
	user       = "65532"
	entrypoint = "/travishook"
	passwd     = "travishook:x:65532:65532::/nonexistent:/sbin/nologin\n"
	group      = "travishook:x:65532:\n"
)

// Times in the image are fixed, so that the same sources give the same image.
var epoch = time.Unix(0, 0).UTC()

func main() {
	binary := flag.String("binary", "", "the operator's `file`, linked statically")
	certificates := flag.String("certificates", "", "`file` with the certificates of public authorities, as PEM")
	arch := flag.String("arch", "", "architecture that the binary is for, as Go names it")
	tag := flag.String("tag", "", "name and tag of the image")
	out := flag.String("out", "", "archive `file` to write")
	flag.Parse()
	if err := write(*binary, *certificates, *arch, *tag, *out); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func write(binary, certificates, arch, tag, out string) error {
	layer, err := files(binary, certificates)
	if err != nil {
		return fmt.Errorf("collect the image's files: %w", err)
	}
	img, err := image(layer, arch)
	if err != nil {
		return fmt.Errorf("put the image together: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	names := layout.WithAnnotations(map[string]string{
		"io.containerd.image.name":          tag,
		"org.opencontainers.image.ref.name": tag,
	})
	if err := path.AppendImage(img, names, layout.WithPlatform(v1.Platform{OS: "linux", Architecture: arch})); err != nil {
		return fmt.Errorf("write the image: %w", err)
	}
	return archive(dir, out)
}

// files is the image's one layer.
func files(binary, certificates string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: epoch}); err != nil {
			return nil, err
		}
	}
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	authorities, err := os.ReadFile(certificates)
	if err != nil {
		return nil, err
	}
	for _, f := range []struct {
		name    string
		mode    int64
		content []byte
	}{
		{"etc/group", 0o644, []byte(group)},
		{"etc/passwd", 0o644, []byte(passwd)},
		{"etc/ssl/certs/ca-certificates.crt", 0o644, authorities},
		{entrypoint[1:], 0o755, program},
	} {
		if err := add(w, f.name, f.mode, f.content); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}

func add(w *tar.Writer, name string, mode int64, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: epoch}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func image(content []byte, arch string) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if img, err = mutate.AppendLayers(img, layer); err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: epoch}
	config.Config.User = user
	config.Config.Entrypoint = []string{entrypoint}
	return mutate.ConfigFile(img, config)
}

// archive packs the folder into one file, which appears whole or not at all.
func archive(dir, out string) error {
	f, err := os.CreateTemp(filepath.Dir(out), ".archive-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	w := tar.NewWriter(f)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return add(w, filepath.ToSlash(name), 0o644, content)
	})
	if err != nil {
		return fmt.Errorf("pack the image: %w", err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("pack the image: %w", err)
	}
	if err := f.Chmod(0o644); err != nil {
		return fmt.Errorf("pack the image: %w", err)
	}
	return os.Rename(f.Name(), out)
}
