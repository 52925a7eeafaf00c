package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/test/docs"
)

// TestREADME checks that the README shows what the demo prints.
func TestREADME(t *testing.T) {
	readme, err := docs.Read("../..", "README.md")
	if err != nil {
		t.Fatal(err)
	}
	d := &demo{key: travistest.Key()}
	var want []string
	for i, s := range d.steps() {
		want = append(want, fmt.Sprintf("%d. %s", i+1, s.title))
	}
	for _, w := range webhooks(d) {
		want = append(want, w.answered(w.answer))
		if w.says != "" {
			want = append(want, arrived("[Travis-CI] [example/example] "+w.says, w.edits), arrived("[Travis-CI] [example/example] "+w.says, false))
		}
	}
	for _, b := range readme.Blocks() {
		if b.Lang == "console" && b.Section == "Try it" {
			checkShown(t, b.Text, want)
			return
		}
	}
	t.Error("the README does not show the demo")
}

// checkShown expects every line to begin with one that the demo prints.
func checkShown(t *testing.T, text string, want []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		known := line == ""
		for _, w := range want {
			known = known || strings.HasPrefix(line, strings.TrimSpace(w))
		}
		if !known {
			t.Errorf("the demo does not print %q", line)
		}
	}
}
