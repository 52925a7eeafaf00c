package xmpp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"
	"pgregory.net/rapid"
)

const streamHeader = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='example.com' id='1' version='1.0'>`

func TestLimiter(t *testing.T) {
	message := func(inner string) string { return streamHeader + "<message>" + inner + "</message>" }
	for name, test := range map[string]struct {
		input   string
		refused bool
	}{
		"ordinary":                 {message(`<body lang="en">a &gt; b</body><x xmlns='urn:x'/>`), false},
		"many stanzas":             {streamHeader + strings.Repeat("<presence from='a/b'><show>away</show></presence> ", 100_000), false},
		"large":                    {message("<body>" + strings.Repeat("x", maxStanza-100) + "</body>"), false},
		"too large":                {message("<body>" + strings.Repeat("x", maxStanza) + "</body>"), true},
		"too large by CDATA":       {message("<body><![CDATA[" + strings.Repeat("<]>", maxStanza/3) + "]]></body>"), true},
		"too much between stanzas": {streamHeader + strings.Repeat(" ", maxStanza), true},
		"deep":                     {message(strings.Repeat("<a>", maxDepth-2) + strings.Repeat("</a>", maxDepth-2)), false},
		"too deep":                 {message(strings.Repeat("<a>", maxDepth-1)), true},
		"too deep before a stream": {strings.Repeat("<a>", maxDepth+1), true},
		"hidden in attributes":     {message(strings.Repeat(`<a b="/>" c='/>'>`, maxDepth-1)), true},
		"many elements":            {message(strings.Repeat("<a/>", maxElements-1)), false},
		"too many elements":        {message(strings.Repeat("<a/>", maxElements)), true},
		"large tag":                {message("<a" + strings.Repeat(" b=''", maxTag/5) + "/>"), true},
		"large name":               {streamHeader + "<" + strings.Repeat("a", maxTag+1), true},
		"end of nothing":           {"</a>", true},
		"comment":                  {message("<!-- -->"), true},
		"document type":            {"<!DOCTYPE a>", true},
	} {
		for _, size := range []int{1, 7, 4096} {
			var l limiter
			var err error
			for rest := test.input; rest != "" && err == nil; {
				n := min(size, len(rest))
				err = l.scan([]byte(rest[:n]))
				rest = rest[n:]
			}
			if refused := err != nil; refused != test.refused {
				t.Errorf("%s, %d bytes at a time: %v", name, size, err)
			}
		}
	}
}

// TestLimiterCountsAsTheDecoderDoes generates XML and compares the depth after each token.
func TestLimiterCountsAsTheDecoderDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		var open []string
		for range rapid.IntRange(1, 40).Draw(t, "tokens") {
			switch rapid.SampledFrom([]string{"start", "start", "end", "empty", "text", "cdata", "instruction"}).Draw(t, "token") {
			case "start":
				if len(open) < maxDepth-1 {
					name := rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "name")
					fmt.Fprintf(&b, "<%s a='%s' b = \"%s\" >", name, rapid.StringMatching(`[^'<&]{0,4}`).Draw(t, "a"), rapid.StringMatching(`[/>]{0,4}`).Draw(t, "b"))
					open = append(open, name)
				}
			case "end":
				if n := len(open); n > 0 {
					fmt.Fprintf(&b, "</%s >", open[n-1])
					open = open[:n-1]
				}
			case "empty":
				b.WriteString("<e/>")
			case "text":
				b.WriteString(rapid.StringMatching(`[^<&\]]{0,6}`).Draw(t, "text"))
			case "cdata":
				b.WriteString("<![CDATA[" + rapid.SampledFrom([]string{"", "]", "<a>", "]]", "]] >", "</a>"}).Draw(t, "cdata") + "]]>")
			case "instruction":
				b.WriteString("<?x " + rapid.StringMatching(`[a-z>'"]{0,4}`).Draw(t, "instruction") + "?>")
			}
		}
		input := b.String()
		d := xml.NewDecoder(strings.NewReader(input))
		for {
			if _, err := d.RawToken(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Skip("not XML") // the decoder's error ends the stream
			}
		}
		var l limiter
		if err := l.scan([]byte(input)); err != nil {
			t.Fatalf("%s: %v", input, err)
		}
		if l.depth != len(open) || l.state != inText {
			t.Fatalf("%s: depth %d, want %d (state %d)", input, l.depth, len(open), l.state)
		}
	})
}

func TestANewStreamStartsOnlyBetweenStanzas(t *testing.T) {
	for rest, want := range map[string]error{
		"<success/>": nil, "<success></success>": nil, "<success>": errEarlyStream, "<success/><a>": errEarlyStream, "<success/><": errEarlyStream,
	} {
		var l limiter
		if err := l.scan([]byte(streamHeader + rest)); err != nil {
			t.Fatal(err)
		}
		if err := l.restart(); !errors.Is(err, want) {
			t.Errorf("after %s: %v, want %v", rest, err, want)
		}
	}
}

// TestNestedElementsEndTheConnection counts the bytes that are read from a server that nests elements: the
// decoder holds a hundred times as much.
func TestNestedElementsEndTheConnection(t *testing.T) {
	near, far := net.Pipe()
	conn := &limitedConn{Conn: near}
	read := make(chan int, 1)
	go func() {
		buffer, total := make([]byte, 4096), 0
		for {
			n, err := conn.Read(buffer)
			if total += n; err != nil {
				read <- total
				return
			}
		}
	}()
	_, err := io.WriteString(far, strings.Repeat("<a>", 1<<20/3))
	if err == nil {
		t.Error("the server could send all of it")
	}
	if n := <-read; n > 4096 || !conn.exceeded.Load() {
		t.Errorf("the decoder got %d bytes", n)
	}
}

// TestLimitsHoldBeforeTheLogin has a server nest elements instead of letting the client log in.
func TestLimitsHoldBeforeTheLogin(t *testing.T) {
	bomb := strings.Repeat("<a>", 1<<20/3)
	for name, script := range map[string]func(net.Conn, tls.Certificate) (sent int){
		"before encryption": func(conn net.Conn, _ tls.Certificate) int { return count(conn, bomb) },
		"in the features":   func(conn net.Conn, _ tls.Certificate) int { return count(conn, streamHeader+"<stream:features>"+bomb) },
		"after encryption": func(conn net.Conn, certificate tls.Certificate) int {
			return count(encrypt(conn, certificate), streamHeader+"<stream:features>"+bomb)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(nil)
			server.StartTLS() // for its certificate, which is one for example.com
			defer server.Close()
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			near, far := net.Pipe()
			sent := make(chan int, 1)
			go func() { sent <- script(far, server.TLS.Certificates[0]) }()
			a := account{jid: jid.MustParse("ci@example.com"), domain: "example.com", server: "example.com:5222", tls: &tls.Config{ServerName: "example.com", RootCAs: roots, MinVersion: tls.VersionTLS12}}
			_, _, err := connect(t.Context(), a, func(context.Context, string, string) (net.Conn, error) { return near, nil })
			if !strings.Contains(fmt.Sprint(err), errStanzaTooLarge.Error()) {
				t.Errorf("the login failed with %v", err)
			}
			if n := <-sent; n > 64<<10 {
				t.Errorf("the server could send %d bytes", n)
			}
		})
	}
}

// encrypt plays the server's part of STARTTLS.
func encrypt(conn net.Conn, certificate tls.Certificate) net.Conn {
	in := bufio.NewReader(conn)
	_, _ = readTo(in, "<stream:stream")
	_, _ = readTo(in, ">")
	_, _ = io.WriteString(conn, streamHeader+"<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>")
	_, _ = readTo(in, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	_, _ = io.WriteString(conn, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
	return tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}})
}

func readTo(in *bufio.Reader, end string) (string, error) {
	var got strings.Builder
	for !strings.HasSuffix(got.String(), end) {
		b, err := in.ReadByte()
		if err != nil {
			return got.String(), err
		}
		got.WriteByte(b)
	}
	return got.String(), nil
}

// count writes text and returns how many bytes of it the client read.
func count(conn net.Conn, text string) (sent int) {
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	for text != "" {
		n, err := io.WriteString(conn, text[:min(1024, len(text))])
		if sent += n; err != nil {
			break
		}
		text = text[n:]
	}
	return sent
}
