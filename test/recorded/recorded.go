// Package recorded finds recorded webhooks of Travis. They contain other people's names, so they are not part
// of the project but in a folder beside it.
package recorded

import (
	"os"
	"path/filepath"
	"testing"
)

// Folder returns a folder of recorded files, such as captures. It skips the test where there is none.
func Folder(t testing.TB, name string) string {
	t.Helper()
	folder := filepath.Join(root(t), "..", "shared", "travis", name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("SKIPPED: there are no recorded webhooks beside the project, in ../shared/travis/%s", name)
	}
	return folder
}

// root is the project's folder: the one above with go.mod.
func root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("no folder above this one has a go.mod")
		}
		folder = filepath.Dir(folder)
	}
}
