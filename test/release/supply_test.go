package release_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A module whose license is not on the list fails the check, which names it.
func TestLicenseThatIsNotAllowed(t *testing.T) {
	onlyAtARelease(t)
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	checker := filepath.Join(t.TempDir(), "licenses")
	run(t, nil, "go", "-C", filepath.Join(root, "hack", "tools", "licenses"), "build", "-o", checker, ".")
	const agpl = "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007\n\n" +
		"This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero " +
		"General Public License as published by the Free Software Foundation, either version 3 of the License, or " +
		"(at your option) any later version.\n"
	for name, c := range map[string]struct{ license, want string }{
		"allowed":     {string(license), ""},
		"not allowed": {agpl, "example.com/dependency v0.0.0: LICENSE has the license AGPL-3.0"},
		"unknown":     {"Ask me.\n", "example.com/dependency v0.0.0: no license was recognized"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for path, text := range map[string]string{
				"go.mod":                   "module example.com/program\n\ngo 1.26\n\nrequire example.com/dependency v0.0.0\n\nreplace example.com/dependency => ./dependency\n",
				"main.go":                  "package main\n\nimport _ \"example.com/dependency\"\n\nfunc main() {}\n",
				"dependency/go.mod":        "module example.com/dependency\n\ngo 1.26\n",
				"dependency/dependency.go": "package dependency\n",
				"dependency/LICENSE":       c.license,
			} {
				path = filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), checker, ".")
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if (err != nil) != (c.want != "") || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s, want %q", err, out, c.want)
			}
		})
	}
}

// A vulnerability in code that a package reaches fails make vulncheck; a database that cannot be read is no
// success.
func TestVulncheck(t *testing.T) {
	onlyAtARelease(t)
	vulnerable, err := filepath.Abs(filepath.Join("testdata", "vulndb"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ database, want string }{
		"vulnerable":  {vulnerable, "the programs can reach code with a known vulnerability"},
		"no database": {filepath.Join(t.TempDir(), "none"), "nothing was checked"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(root, "hack", "vulncheck.sh"), "./internal/version")
			cmd.Env = append(os.Environ(), "GOVULNDB=file://"+c.database)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), c.want) {
				t.Errorf("%v: %s, want %q", err, out, c.want)
			}
		})
	}
}
