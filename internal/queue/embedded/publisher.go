package embedded

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/natslog"
)

// publisher appends messages on a connection of its own, and waits for the answer in the caller's goroutine.
// The client library passes both through goroutines of its own, which takes as long as the server's work. The
// server sends no pings (see start), so everything that arrives is an answer.
type publisher struct {
	mu      sync.Mutex
	conn    net.Conn
	answers *bufio.Reader
}

// answerSubject is where the server answers.
const answerSubject = "travishook.answer"

func openPublisher(ctx context.Context, s *server.Server) (*publisher, error) {
	conn, err := s.InProcessConn()
	if err != nil {
		return nil, err
	}
	p := &publisher{conn: conn, answers: bufio.NewReader(conn)}
	defer context.AfterFunc(ctx, p.interrupt)()
	if err := p.greet(); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return p, nil
}

// greet reads the server's greeting, and subscribes to the answers.
func (p *publisher) greet() error {
	if _, err := p.answers.ReadString('\n'); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.conn, "CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\nSUB %s 1\r\nPING\r\n", answerSubject)
	if err != nil {
		return err
	}
	if line, err := p.answers.ReadString('\n'); err != nil || line != "PONG\r\n" {
		return fmt.Errorf("the server answers %q to a greeting: %w", line, err)
	}
	return nil
}

// append appends a message after message last. After an error other than wal.ErrConflict and wal.ErrFull the
// publisher cannot be used any more, because the answer may still arrive.
func (p *publisher) append(ctx context.Context, data []byte, last uint64) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer context.AfterFunc(ctx, p.interrupt)()
	answer, err := p.request(data, last)
	if err != nil {
		return 0, cmp.Or(ctx.Err(), err)
	}
	var ack struct {
		Sequence uint64              `json:"seq"`
		Error    *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, fmt.Errorf("read the server's answer: %w", err)
	}
	if ack.Error != nil {
		return 0, natslog.AppendError(ack.Error)
	}
	return ack.Sequence, nil
}

func (p *publisher) request(data []byte, last uint64) (answer []byte, err error) {
	header := fmt.Sprintf("NATS/1.0\r\n%s: %d\r\n\r\n", jetstream.ExpectedLastSeqHeader, last)
	message := make([]byte, 0, len(header)+len(data)+len(subject)+len(answerSubject)+32)
	message = fmt.Appendf(message, "HPUB %s %s %d %d\r\n%s", subject, answerSubject, len(header), len(header)+len(data), header)
	message = append(append(message, data...), "\r\n"...)
	if _, err := p.conn.Write(message); err != nil {
		return nil, err
	}
	line, err := p.answers.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	// MSG subject subscription size
	fields := bytes.Fields(line)
	if len(fields) != 4 || string(fields[0]) != "MSG" {
		return nil, fmt.Errorf("the server answers %q", line)
	}
	size, err := strconv.Atoi(string(fields[3]))
	if err != nil {
		return nil, fmt.Errorf("the server answers %q", line)
	}
	answer = make([]byte, size+len("\r\n"))
	_, err = io.ReadFull(p.answers, answer)
	return answer, err
}

// interrupt ends what waits for the server, now and later.
func (p *publisher) interrupt() { _ = p.conn.SetDeadline(time.Unix(1, 0)) }

func (p *publisher) close() {
	if p != nil {
		_ = p.conn.Close()
	}
}
