package embedded

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/queue/wal"
)

// answering returns a publisher whose server reads one message and then calls answer.
func answering(t *testing.T, answer func(server net.Conn)) *publisher {
	client, server := net.Pipe()
	t.Cleanup(func() { _, _ = client.Close(), server.Close() })
	go func() {
		_, _ = server.Read(make([]byte, 1<<10))
		answer(server)
	}()
	return &publisher{conn: client, answers: bufio.NewReader(client)}
}

// TestAnAppendEndsWithItsContext: a server whose disk hangs does not answer, or answers too late.
func TestAnAppendEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p := answering(t, func(net.Conn) { cancel() })
	if _, err := p.append(ctx, []byte("entry"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := p.append(t.Context(), []byte("entry"), 0); err == nil {
		t.Error("after an append without an answer, the next one might get that answer")
	}
}

// TestAnswersToAnAppend: only an acknowledgement is a success.
func TestAnswersToAnAppend(t *testing.T) {
	message := func(body string) string {
		return "MSG " + answerSubject + " 1 " + strconv.Itoa(len(body)) + "\r\n" + body + "\r\n"
	}
	for name, c := range map[string]struct {
		answer string
		want   string // a part of the error; empty for message 7
	}{
		"stored":      {message(`{"stream":"S","seq":7}`), ""},
		"conflict":    {message(`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3"},"seq":0}`), wal.ErrConflict.Error()},
		"full":        {message(`{"error":{"code":400,"err_code":10077,"description":"maximum bytes exceeded"},"seq":0}`), wal.ErrFull.Error()},
		"no stream":   {"HMSG " + answerSubject + " 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", "HMSG"},
		"not allowed": {"-ERR 'Maximum Payload Violation'\r\n", "Maximum Payload Violation"},
		"cut off":     {"MSG " + answerSubject + " 1 100\r\n{", io.ErrUnexpectedEOF.Error()},
		"no answer":   {"", io.EOF.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			p := answering(t, func(server net.Conn) {
				_, _ = io.WriteString(server, c.answer)
				_ = server.Close()
			})
			seq, err := p.append(t.Context(), []byte("entry"), 6)
			switch {
			case c.want == "" && (seq != 7 || err != nil):
				t.Errorf("got message %d, %v", seq, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got message %d, %v; want the error %q", seq, err, c.want)
			}
		})
	}
}
