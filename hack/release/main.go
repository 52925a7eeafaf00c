// Command release completes the folder of a release: it packs the kubectl plugin for each platform and the bundle
// for OperatorHub, writes the plugin's manifest for krew with the checksums of these archives, and a file with the checksums of
// everything in the folder. The same programs produce the same bytes on every machine.
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

func main() {
	var r release
	flag.StringVar(&r.version, "version", "", "version of the release, such as v1.2.3")
	flag.StringVar(&r.programs, "programs", "", "`folder` with the plugin, as OS-ARCH/kubectl-travis")
	flag.StringVar(&r.bundle, "bundle", "", "`folder` with the bundle for OperatorHub")
	flag.StringVar(&r.notices, "notices", "", "`file` with the licenses of what the plugin contains")
	flag.StringVar(&r.out, "out", "", "`folder` of the release")
	seconds := flag.Int64("time", 0, "time of the commit, in seconds since 1970")
	flag.Parse()
	r.time = time.Unix(*seconds, 0).UTC()
	if err := r.write(); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

type release struct {
	version, programs, bundle, notices, out string
	time                                    time.Time
}

func (r release) write() error {
	platforms, err := os.ReadDir(r.programs)
	if err != nil {
		return fmt.Errorf("list platforms: %w", err)
	}
	for _, p := range platforms {
		if err := r.pack(p.Name()); err != nil {
			return fmt.Errorf("pack the plugin for %s: %w", p.Name(), err)
		}
	}
	if err := r.packBundle(); err != nil {
		return fmt.Errorf("pack the bundle: %w", err)
	}
	if err := r.krew(); err != nil {
		return fmt.Errorf("write the manifest for krew: %w", err)
	}
	return r.checksums()
}

// pack writes the archive of one platform.
func (r release) pack(platform string) error {
	program, format, extension := "kubectl-travis", tarball, ".tar.gz"
	if strings.HasPrefix(platform, "windows-") {
		program, format, extension = "kubectl-travis.exe", zipball, ".zip"
	}
	var files []file
	for _, f := range []struct {
		name, from string
		mode       os.FileMode
	}{
		{program, filepath.Join(r.programs, platform, program), 0o755},
		{"LICENSE", "LICENSE", 0o644},
		{"NOTICES", r.notices, 0o644},
	} {
		content, err := os.ReadFile(f.from)
		if err != nil {
			return err
		}
		files = append(files, file{name: f.name, mode: f.mode, content: content})
	}
	packed, err := format(files, r.time)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "kubectl-travis-"+platform+extension), packed, 0o644) //nolint:gosec // everybody may read a release
}

// packBundle writes the archive of the bundle for OperatorHub.
func (r release) packBundle() error {
	var files []file
	err := filepath.WalkDir(r.bundle, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(r.bundle, path)
		files = append(files, file{name: filepath.ToSlash(name), mode: 0o644, content: content})
		return err
	})
	if err != nil {
		return err
	}
	packed, err := tarball(files, r.time)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "travishook-bundle.tar.gz"), packed, 0o644) //nolint:gosec // everybody may read a release
}

// krew writes the manifest that hack/krew/travis.yaml is the template of, with the function that krew's
// release bot has for such templates. A platform that was not built is left out.
func (r release) krew() error {
	source, err := os.ReadFile("hack/krew/travis.yaml")
	if err != nil {
		return err
	}
	tag := struct{ TagName string }{r.version}
	manifest, err := template.New("krew").Funcs(template.FuncMap{
		"built": func(archive string) bool {
			_, err := os.Stat(filepath.Join(r.out, archive))
			return err == nil
		},
		"addURIAndSha": func(address, version string) (string, error) {
			address = strings.ReplaceAll(address, "{{ .TagName }}", version)
			sum, err := checksum(filepath.Join(r.out, filepath.Base(address)))
			return fmt.Sprintf("uri: %s\n    sha256: %s", address, sum), err
		},
	}).Parse(string(source))
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := manifest.Execute(&b, tag); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "travis.yaml"), b.Bytes(), 0o644) //nolint:gosec // everybody may read a release
}

// checksums writes checksums.txt, which sha256sum --check reads.
func (r release) checksums() error {
	files, err := os.ReadDir(r.out)
	if err != nil {
		return fmt.Errorf("list the release: %w", err)
	}
	var b bytes.Buffer
	for _, f := range files {
		sum, err := checksum(filepath.Join(r.out, f.Name()))
		if err != nil {
			return fmt.Errorf("checksum: %w", err)
		}
		fmt.Fprintf(&b, "%s  %s\n", sum, f.Name())
	}
	return os.WriteFile(filepath.Join(r.out, "checksums.txt"), b.Bytes(), 0o644) //nolint:gosec // everybody may read a release
}

func checksum(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", sha256.Sum256(content)), nil
}
