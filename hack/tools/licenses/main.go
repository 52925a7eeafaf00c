// Command licenses checks that everything that the programs contain, for any platform, has a license that
// is allowed, and writes the texts of the licenses into one file, as the licenses require for
// distributing the programs.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowed are licenses that ask for no more than that their text is passed on and, MPL-2.0, that the source
// of the unchanged module can be had, and a grant of patents.
var allowed = map[string]bool{
	"Apache-2.0": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "ISC": true, "MIT": true, "MPL-2.0": true,
	"GooglePatentsFile": true,
}

var licenseFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying|notice|patents)(\.(md|txt|mit))?$`)

func main() {
	notices := flag.String("notices", "", "`file` to write the texts of the licenses to")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: licenses [-notices FILE] PACKAGE...")
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := check(*notices, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "licenses:", err)
		os.Exit(1)
	}
}

// module is one that at least one package of a program belongs to.
type module struct {
	path, version, dir string
	texts              map[string][]byte // by the file's path in the module
}

func check(notices string, packages []string) error {
	modules, err := list(packages)
	if err != nil {
		return err
	}
	var bad error
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		bad = errors.Join(bad, modules[path].verdict())
	}
	if bad != nil || notices == "" {
		return bad
	}
	return os.WriteFile(notices, texts(modules), 0o644)
}

// texts returns each text once, below the names of all files that have it.
func texts(modules map[string]*module) []byte {
	files := map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		for _, name := range slices.Sorted(maps.Keys(m.texts)) {
			text := string(bytes.TrimSpace(m.texts[name]))
			files[text] = append(files[text], fmt.Sprintf("=== %s %s, %s", m.path, m.version, name))
		}
	}
	var b bytes.Buffer
	for _, text := range slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return slices.Compare(files[a], files[b])
	}) {
		fmt.Fprintf(&b, "%s\n\n%s\n\n", strings.Join(files[text], "\n"), text)
	}
	return b.Bytes()
}

// list returns the modules of the packages and of all that they import, on the platforms of a release.
func list(packages []string) (map[string]*module, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	// All of the standard library has one license.
	standard := &module{path: "the Go standard library", version: runtime.Version(), dir: strings.TrimSpace(string(root)), texts: map[string][]byte{}}
	if err := standard.collect(standard.dir); err != nil {
		return nil, fmt.Errorf("license of Go: %w", err)
	}
	modules := map[string]*module{standard.path: standard}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", append([]string{"list", "-deps", "-json=Dir,Standard,Module"}, packages...)...)
		cmd.Env = append(os.Environ(), "GOOS="+system)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list for %s: %w", system, err)
		}
		if err := add(modules, out); err != nil {
			return nil, err
		}
	}
	return modules, nil
}

func add(modules map[string]*module, listed []byte) error {
	for d := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p struct {
			Dir      string
			Standard bool
			Module   *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what go list printed: %w", err)
		}
		if p.Standard || p.Module == nil || p.Module.Main {
			continue
		}
		path := p.Module.Path
		if modules[path] == nil {
			modules[path] = &module{path: path, version: p.Module.Version, dir: p.Module.Dir, texts: map[string][]byte{}}
		}
		if err := modules[path].collect(p.Dir); err != nil {
			return fmt.Errorf("licenses of %s: %w", path, err)
		}
	}
}

// collect reads the license files from a package's folder up to the module's: code that was copied from
// elsewhere has its own beside it.
func (m *module) collect(dir string) error {
	for {
		files, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, f := range files {
			if f.IsDir() || !licenseFile.MatchString(f.Name()) {
				continue
			}
			name, err := filepath.Rel(m.dir, filepath.Join(dir, f.Name()))
			if err != nil {
				return err
			}
			if m.texts[name], err = os.ReadFile(filepath.Join(dir, f.Name())); err != nil {
				return err
			}
		}
		if dir == m.dir || dir == filepath.Dir(dir) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}

// verdict returns an error if a license is unknown or not allowed, or if there is none.
func (m *module) verdict() error {
	found := 0
	for name, text := range m.texts {
		for _, match := range licensecheck.Scan(text).Match {
			if match.IsURL {
				continue
			}
			found++
			if !allowed[match.ID] {
				return fmt.Errorf("%s %s: %s has the license %s, which is not allowed", m.path, m.version, name, match.ID)
			}
		}
	}
	if found == 0 {
		return fmt.Errorf("%s %s: no license was recognized", m.path, m.version)
	}
	return nil
}
