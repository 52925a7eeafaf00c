package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// connection is a kept-alive connection that posts prepared requests: an HTTP client would take more
// processor time than the server that it measures.
type connection struct {
	net.Conn
	answers *bufio.Reader
}

func dial(address string) (*connection, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, nil
}

// post sends a request and returns the status of its answer.
func (c *connection) post(raw []byte) (int, error) {
	if _, err := c.Write(raw); err != nil {
		return 0, err
	}
	line, err := c.answers.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 202") {
		return 0, fmt.Errorf("answer begins with %q", line)
	}
	status, err := strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, fmt.Errorf("answer begins with %q", line)
	}
	return status, c.skip()
}

// skip reads an answer's headers and body.
func (c *connection) skip() error {
	length := 0
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			_, err := c.answers.Discard(length)
			return err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return err
			}
		}
		if bytes.Equal(line, []byte("Connection: close")) {
			return errors.New("the connection was closed: " + strconv.Itoa(length))
		}
	}
}

// source hands out requests, until there are none left.
type source struct {
	webhooks []webhook
	next     atomic.Int64
	// again repeats the requests, for servers that do not deduplicate.
	again bool
}

func (s *source) take() (webhook, bool) {
	i := int(s.next.Add(1)) - 1
	if s.again {
		i %= len(s.webhooks)
	}
	if i >= len(s.webhooks) {
		return webhook{}, false
	}
	return s.webhooks[i], true
}

// burst is the result of posting as fast as possible.
type burst struct {
	answered int64
	took     time.Duration
}

func (b burst) rate() float64 { return float64(b.answered) / b.took.Seconds() }

// saturate posts from all connections, each its next request as soon as the last is answered, until the
// time is over or no requests are left. Any answer other than wanted is an error.
func saturate(ctx context.Context, address string, connections, wanted int, requests *source, span time.Duration) (burst, error) {
	conns, err := dialAll(address, connections)
	if err != nil {
		return burst{}, err
	}
	defer closeAll(conns)
	var (
		answered atomic.Int64
		posting  sync.WaitGroup
		failed   = make(chan error, connections)
		began    = time.Now()
	)
	for _, c := range conns {
		posting.Go(func() {
			for time.Since(began) < span && ctx.Err() == nil {
				w, ok := requests.take()
				if !ok {
					return
				}
				if err := c.expect(w, wanted); err != nil {
					failed <- err
					return
				}
				answered.Add(1)
			}
		})
	}
	posting.Wait()
	took := time.Since(began)
	close(failed)
	return burst{answered.Load(), took}, <-failed
}

func (c *connection) expect(w webhook, wanted int) error {
	status, err := c.post(w.raw)
	if err != nil {
		return fmt.Errorf("post webhook %d: %w", w.mark, err)
	}
	if status != wanted {
		return fmt.Errorf("webhook %d was answered %d %s and not %d", w.mark, status, http.StatusText(status), wanted)
	}
	return nil
}

func dialAll(address string, n int) ([]*connection, error) {
	var conns []*connection
	for range n {
		c, err := dial(address)
		if err != nil {
			closeAll(conns)
			return nil, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

func closeAll(conns []*connection) {
	for _, c := range conns {
		c.Close()
	}
}
