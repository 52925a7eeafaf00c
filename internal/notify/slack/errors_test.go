package slack

import (
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

const reference = "../../../docs/services/slack.md"

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range slices.Sorted(maps.Keys(meanings)) {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("%s does not explain %s: %s", reference, word, meanings[word].advice)
		}
	}
	for word, why := range gone {
		if !strings.Contains(string(page), "`"+word+"`") {
			t.Errorf("%s does not explain %s: %s", reference, word, why)
		}
	}
}

// TestAnAnswerThatBreaksOff: whether the message was posted is unknown, and an account's own proxy is not named.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	proxy := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 3128}
	for want, cause := range map[string]error{
		"read: connection reset by peer":                                &net.OpError{Op: "read", Net: "tcp", Addr: proxy, Err: syscall.ECONNRESET},
		"the server closed the connection before the end of its answer": io.ErrUnexpectedEOF,
	} {
		err := apiError(notify.AnswerLost(cause))
		if !notify.IsAnswerLost(err) || err.Error() != want || strings.Contains(err.Error(), "192.0.2.7") {
			t.Errorf("%v, want %q, marked as lost", err, want)
		}
	}
}
