package xmpp

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"mellium.im/xmpp/jid"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

// With one iteration, a server could guess the password from the answer.
func TestALoginWithFewIterationsIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate, which is one for example.com
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	near, far := net.Pipe()
	answered := make(chan string, 1)
	go func() {
		conn := encrypt(far, server.TLS.Certificates[0])
		in := bufio.NewReader(conn)
		_, _ = readTo(in, "<stream:stream")
		_, _ = readTo(in, ">")
		_, _ = io.WriteString(conn, streamHeader+"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-256</mechanism></mechanisms></stream:features>")
		auth, _ := readTo(in, "</auth>")
		_, text, _ := strings.Cut(strings.TrimSuffix(auth, "</auth>")[strings.Index(auth, "<auth"):], ">")
		first, _ := base64.StdEncoding.DecodeString(text)
		_, nonce, _ := strings.Cut(string(first), "r=")
		challenge := base64.StdEncoding.EncodeToString([]byte("r=" + nonce + "x,s=c2FsdA==,i=1"))
		_, _ = io.WriteString(conn, "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"+challenge+"</challenge>")
		rest, _ := readTo(in, "</response>")
		answered <- rest
		_ = conn.Close()
	}()
	a := account{jid: jid.MustParse("ci@example.com"), domain: "example.com", server: "example.com:5222", password: secret.New("correct horse"),
		tls: &tls.Config{ServerName: "example.com", RootCAs: roots, MinVersion: tls.VersionTLS12}}
	_, _, err := connect(t.Context(), a, func(context.Context, string, string) (net.Conn, error) { return near, nil })
	if !errors.Is(err, notify.ErrIterations) {
		t.Errorf("the login ended with %v", err)
	}
	if got := <-answered; strings.Contains(got, "</response>") {
		t.Errorf("the server got %q", got)
	}
}
