package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"

	"github.com/travishook/travishook/internal/secret"
)

// labelManagedBy with manager as its value marks Secrets that the plugin created and may therefore
// replace and delete.
const labelManagedBy = "app.kubernetes.io/managed-by"

// maxCredential bounds what is read from the standard input, in bytes. A Secret holds at most 1 MiB.
const maxCredential = 256 << 10

// readCredential reads a secret from the standard input. On a terminal it prompts without echo.
// Trailing line breaks are dropped.
func (e *environment) readCredential(what string) (secret.Value, error) {
	if f, ok := e.In.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(e.ErrOut, "%s (input is hidden): ", what)
		typed, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(e.ErrOut)
		if err != nil {
			return secret.Value{}, fmt.Errorf("read %s from the terminal: %w", what, err)
		}
		return secret.New(string(typed)), nil
	}
	read, err := io.ReadAll(io.LimitReader(e.In, maxCredential+1))
	if err != nil {
		return secret.Value{}, fmt.Errorf("read %s from standard input: %w", what, err)
	}
	if len(read) > maxCredential {
		return secret.Value{}, errors.New("standard input is longer than 256 KiB, which is too long for a secret")
	}
	return secret.New(strings.TrimRight(string(read), "\r\n")), nil
}

// randomToken returns a new token of some 260 random bits.
func randomToken() secret.Value { return secret.New(rand.Text() + rand.Text()) }

// withoutData returns a Secret that may be printed.
func withoutData(s *corev1.Secret) *corev1.Secret {
	shown := s.DeepCopy()
	shown.Data, shown.StringData = nil, nil
	delete(shown.Annotations, corev1.LastAppliedConfigAnnotation)
	return shown
}
