package main

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const source = "https://github.com/travishook/travishook"

// build is what Go stamped into a program, or what was said of it.
type build struct {
	version, revision, arch string
	time                    time.Time // of the commit; the epoch outside of a git checkout
}

// readBuild reads what Go stamped into the program; what is set in said takes precedence.
func readBuild(binary string, said build) (build, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return build{}, err
	}
	b := build{version: info.Main.Version}
	for _, s := range info.Settings {
		switch s.Key {
		case "GOARCH":
			b.arch = s.Value
		case "vcs.revision":
			b.revision = s.Value
		case "vcs.time":
			if b.time, err = time.Parse(time.RFC3339, s.Value); err != nil {
				return build{}, fmt.Errorf("time of the commit: %w", err)
			}
		}
	}
	if said.version != "" {
		b.version = said.version
	}
	if said.revision != "" {
		b.revision, b.time = said.revision, said.time
	}
	if b.time.IsZero() {
		b.time = epoch
	}
	return b, nil
}

// labels are the annotations that the OCI image specification defines.
func (b build) labels() map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       "travishook",
		"org.opencontainers.image.description": "Relays Travis CI build events to chat",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.source":      source,
		"org.opencontainers.image.url":         source,
		"org.opencontainers.image.version":     b.version,
	}
	if b.revision != "" {
		l["org.opencontainers.image.revision"] = b.revision
		l["org.opencontainers.image.created"] = b.time.Format(time.RFC3339)
	}
	return l
}

// image returns the image of a program for Linux.
func image(binary, notices string, said build) (v1.Image, build, error) {
	b, err := readBuild(binary, said)
	if err != nil {
		return nil, b, err
	}
	content, err := layer(binary, notices)
	if err != nil {
		return nil, b, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, b, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{
		Created: v1.Time{Time: b.time}, CreatedBy: "hack/image.sh",
	}})
	if err != nil {
		return nil, b, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, b, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", b.arch, v1.Time{Time: b.time}
	config.Config.User = user
	config.Config.Entrypoint = []string{entrypoint}
	config.Config.Labels = b.labels()
	img, err = mutate.ConfigFile(img, config)
	if err != nil {
		return nil, b, err
	}
	return mutate.Annotations(img, b.labels()).(v1.Image), b, nil
}
