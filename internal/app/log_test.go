package app

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/settings"
)

// A full disk is no fault of the program: its line says what happened, and nothing about the program.
func TestErrorsAreLoggedWithoutAStackTrace(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		var out bytes.Buffer
		s := settings.Default().Log
		s.Format = format
		logTo(&out, s).Error(errors.New("no space left on device"), "store is unavailable")
		text := out.String()
		if strings.Count(text, "\n") != 1 || strings.Contains(text, "log_test.go") || !strings.Contains(text, "no space left on device") {
			t.Errorf("%s: %s", format, text)
		}
	}
}
