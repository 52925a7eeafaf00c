// Package talk is the server's side of a conversation with an IRC client, for tests.
package talk

import (
	"bufio"
	"fmt"
	"net"
	"strings"
)

// Talk answers each line of a client with lines. It returns at the end of the connection, or when answer returns
// nil.
func Talk(conn net.Conn, answer func(line string) []string) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		answers := answer(lines.Text())
		if answers == nil {
			return
		}
		for _, a := range answers {
			if _, err := fmt.Fprint(conn, a+"\r\n"); err != nil {
				return
			}
		}
	}
}

// Welcome answers as a server without capabilities that accepts everything.
func Welcome(line string) []string {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "NICK":
		return []string{":irc.test 001 " + rest + " :Welcome", ":irc.test 422 " + rest + " :No message"}
	case "JOIN":
		return []string{":travis-ci!travis@host.test JOIN " + strings.Fields(rest)[0]}
	case "PING":
		return []string{":irc.test PONG irc.test :" + strings.TrimPrefix(rest, ":")}
	}
	return []string{}
}

// WithCapabilities answers as a server with capabilities does until the client is welcome; nil: another line.
func WithCapabilities(line, capabilities string) []string {
	switch {
	case strings.HasPrefix(line, "CAP LS"):
		return []string{":irc.test CAP * LS :" + capabilities}
	case strings.HasPrefix(line, "CAP REQ"):
		return []string{":irc.test CAP * ACK " + strings.TrimPrefix(line, "CAP REQ ")}
	case strings.HasPrefix(line, "NICK "):
		return []string{} // the welcome comes after CAP END
	case line == "CAP END":
		return Welcome("NICK travis-ci")
	}
	return nil
}
