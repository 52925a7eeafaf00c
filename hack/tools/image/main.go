// Command image writes the operator's container image as an OCI archive, without a container engine:
// one image for each program in its arguments. podman load, docker load, kind load image-archive,
// ctr image import and skopeo read it.
package main

import (
	"archive/tar"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

func main() {
	tag := flag.String("tag", "", "name and tag of the image")
	out := flag.String("out", "", "archive `file` to write")
	notices := flag.String("notices", "", "`file` with the licenses of what the programs contain")
	var said build
	flag.StringVar(&said.version, "version", "", "version of the programs, instead of what Go stamped into them")
	flag.StringVar(&said.revision, "revision", "", "commit that the programs were compiled from, likewise")
	seconds := flag.Int64("time", 0, "time of that commit, in seconds since 1970")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: image -tag NAME:TAG -out FILE PROGRAM...")
		flag.PrintDefaults()
	}
	flag.Parse()
	said.time = time.Unix(*seconds, 0).UTC()
	if err := write(flag.Args(), *tag, *out, *notices, said); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func write(binaries []string, tag, out, notices string, said build) error {
	if len(binaries) == 0 {
		return errors.New("no program to put into an image")
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
	for _, binary := range binaries {
		img, b, err := image(binary, notices, said)
		if err != nil {
			return fmt.Errorf("image of %s: %w", binary, err)
		}
		platform := layout.WithPlatform(v1.Platform{OS: "linux", Architecture: b.arch})
		if err := path.AppendImage(img, names, platform); err != nil {
			return fmt.Errorf("write the image: %w", err)
		}
	}
	return archive(dir, out)
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
	if err := f.Close(); err != nil {
		return fmt.Errorf("pack the image: %w", err)
	}
	return os.Rename(f.Name(), out)
}
