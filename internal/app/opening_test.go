package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/test/port"
)

// TestOpeningAnswersMeanwhile: while the store is being opened, the operator is alive, and not ready. Then the port
// is free for the manager.
func TestOpeningAnswersMeanwhile(t *testing.T) {
	s := settings.Default()
	s.Probes.Address = freeAddress(t)
	err := (&opening{settings: s, log: logr.Discard(), report: unreported}).run(t.Context(), func(ctx context.Context) error {
		want := map[string]int{
			"http://" + s.Probes.Address + "/readyz":  http.StatusInternalServerError,
			"http://" + s.Probes.Address + "/healthz": http.StatusOK,
		}
		for url, status := range want {
			if got := awaitAnswer(t, url); got != status {
				t.Errorf("%s answers %d, want %d", url, got, status)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", s.Probes.Address)
	if err != nil {
		t.Fatalf("the port is not free afterwards: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// TestOpeningRetriesOnAFullVolume: while the volume is full, opening is repeated, and the readiness probe says
// why; any other error ends the operator.
func TestOpeningRetriesOnAFullVolume(t *testing.T) {
	s := settings.Default()
	s.Probes.Address = freeAddress(t)
	broken, tries := errors.New("broken"), 0
	err := (&opening{settings: s, log: logr.Discard(), report: unreported}).run(t.Context(), func(context.Context) error {
		if tries++; tries == 1 {
			return fmt.Errorf("open store: %w", syscall.ENOSPC)
		}
		answer := ask(t, "http://"+s.Probes.Address+"/readyz?verbose")
		if want := "[-]ready failed: the store cannot be opened: open store: no space left on device\n"; answer.body != want {
			t.Errorf("the readiness probe says %q, want %q", answer.body, want)
		}
		return broken
	})
	if !errors.Is(err, broken) || tries != 2 {
		t.Fatalf("%v after %d tries", err, tries)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// awaitAnswer asks until there is an answer, and returns its status.
func awaitAnswer(t *testing.T, url string) int { return ask(t, url).status }

// answer is an answer of the operator.
type answer struct {
	status int
	body   string
}

// ask repeats a request until there is an answer.
func ask(t *testing.T, url string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if got, err := http.Get(url); err == nil {
			defer func() { _ = got.Body.Close() }()
			body, err := io.ReadAll(got.Body)
			if err != nil {
				t.Fatal(err)
			}
			return answer{got.StatusCode, string(body)}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s does not answer", url)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// unreported drops a reason for which the operator is not ready.
func unreported(string) {}
