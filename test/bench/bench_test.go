package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPartMeasures runs all parts with small sizes: each part checks its answers, and that its messages
// arrive.
func TestEveryPartMeasures(t *testing.T) {
	page := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(page, []byte("# How fast\n\n"+beginMarker+"old figures\n"+endMarker+"\n\nThe end.\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-dir", t.TempDir(), "-write", page}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	for _, title := range []string{
		"Webhooks answered 202", "From POST to arrival", "Unknown repositories refused", "The routing table",
		"Live channels beside 10 dead ones", "Others beside a flood",
	} {
		if !strings.Contains(out.String(), "\n### "+title) {
			t.Errorf("the figures have no table %q", title)
		}
	}
	if strings.Contains(out.String(), "NaN") {
		t.Errorf("a figure is missing:\n%s", &out)
	}
	written, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if want := "# How fast\n\n" + beginMarker + "\n" + out.String() + "\n" + endMarker + "\n\nThe end.\n"; string(written) != want {
		t.Errorf("the page is now\n%s\nand should be\n%s", written, want)
	}
}

func TestErrors(t *testing.T) {
	for name, args := range map[string][]string{
		"unknown part": {"-quick", "-parts", "accept,nonsense"},
		"no directory": {"-quick", "-parts", "table", "-dir", filepath.Join(t.TempDir(), "missing")},
		"no page":      {"-quick", "-parts", "table", "-write", filepath.Join(t.TempDir(), "missing.md")},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), args, new(bytes.Buffer), new(bytes.Buffer)); err == nil {
				t.Error("nothing was wrong with it")
			}
		})
	}
}

func TestWrongAnswersAreErrors(t *testing.T) {
	b := &benchmark{sizes: quickSizes, dir: t.TempDir(), progress: new(bytes.Buffer)}
	stranger := group{name: "stranger", n: 1}
	err := b.run(t.Context(), composition{groups: []group{live(1)}}, func(_ context.Context, o *operator) error {
		_, err := o.relay(t.Context(), sign(stranger.webhooks(0, 1)), modestRate)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "answered 204") {
		t.Errorf("a webhook that no route matches counts as relayed: %v", err)
	}
}

func TestFigures(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{thousands(0), "0"},
		{thousands(999), "999"},
		{thousands(12345.6), "12 346"},
		{thousands(1234567), "1 234 567"},
		{times(median([]float64{3, 1, 2})), "2.00"},
		{times(medianRatio([]float64{10, 30, 8}, []float64{10, 10, 2})), "3.00"},
		{milliseconds(float64(delays{1e6, 2e6, 3e6, 4e6}.quantile(0.5))), "3.00 ms"},
		{microseconds(delays{1e3, 9e3}.quantile(1)), "9 µs"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
