package ircd

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ergochat/irc-go/ircmsg"
)

// Client is a user on a server, who sees what is written in its channels.
type Client struct {
	conn net.Conn
	nick string

	mu      sync.Mutex
	seen    []ircmsg.Message
	changed chan struct{}
}

// Join logs in and joins channels, as their operator if they are new.
func (s *Server) Join(t testing.TB, nick string, channels ...string) *Client {
	t.Helper()
	conn, err := net.Dial("tcp", s.Plain)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{conn: conn, nick: nick, changed: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(c.read)
	t.Cleanup(func() { _ = conn.Close(); running.Wait() })
	if s.password != "" {
		c.Send(t, "PASS "+s.password)
	}
	c.Send(t, "NICK "+nick, "USER test 0 * test")
	c.Await(t, "376", "")
	for _, channel := range channels {
		c.Send(t, "JOIN "+channel)
		c.Await(t, "366", channel)
	}
	return c
}

// Send sends lines.
func (c *Client) Send(t testing.TB, lines ...string) {
	t.Helper()
	if _, err := fmt.Fprint(c.conn, strings.Join(lines, "\r\n")+"\r\n"); err != nil {
		t.Fatal(err)
	}
}

// Do sends a line and waits until the server has carried it out.
func (c *Client) Do(t testing.TB, line string) {
	t.Helper()
	c.mu.Lock()
	token := fmt.Sprint("done", len(c.seen))
	c.mu.Unlock()
	c.Send(t, line, "PING "+token)
	c.Await(t, "PONG", token)
}

func (c *Client) read() {
	lines := bufio.NewScanner(c.conn)
	for lines.Scan() {
		m, err := ircmsg.ParseLine(lines.Text())
		if err != nil {
			continue
		}
		if m.Command == "PING" {
			_, _ = fmt.Fprintf(c.conn, "PONG :%s\r\n", m.Params[0])
			continue
		}
		c.mu.Lock()
		c.seen = append(c.seen, m)
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
	}
}

// Seen returns what the client has received, as soon as enough says so.
func (c *Client) Seen(t testing.TB, enough func([]ircmsg.Message) bool) []ircmsg.Message {
	t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		seen, changed := c.seen[:len(c.seen):len(c.seen)], c.changed
		c.mu.Unlock()
		if enough(seen) {
			return seen
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%s has received only %v", c.nick, seen)
		}
	}
}

// Await waits for a command with a parameter.
func (c *Client) Await(t testing.TB, command, param string) {
	t.Helper()
	c.Seen(t, func(seen []ircmsg.Message) bool {
		for _, m := range seen {
			if m.Command != command {
				continue
			}
			for _, p := range append(m.Params, "") {
				if strings.EqualFold(p, param) {
					return true
				}
			}
		}
		return false
	})
}
