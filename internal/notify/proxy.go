package notify

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"
)

var errProxyLogin = errors.New("the proxy refuses the user and the password: correct them under the key proxy of the account's Secret")

func errProxyRefuses(status int) error {
	return fmt.Errorf("the proxy refuses to connect to the server: it answered %d", status)
}

// checkProxyAnswer implements http.Transport.OnProxyConnectResponse. Without it, the error would be the bare words of the
// proxy's status, as if the service had answered.
func (o *Options) checkProxyAnswer(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	switch {
	case answer.StatusCode == http.StatusOK:
		return nil
	case answer.StatusCode == http.StatusProxyAuthRequired && o.proxy != nil:
		return BadCredential(errProxyLogin)
	}
	return errProxyRefuses(answer.StatusCode)
}

// proxyDialer dials through a proxy: with the method CONNECT for http and https, else by SOCKS5. The proxy resolves
// the name of the server.
type proxyDialer struct {
	proxy *url.URL
	dial  Dialer // to the proxy
	rules *Rules // for the server; nil for accounts that are exempt
	tls   *tls.Config
}

// dialContext is a Dialer.
func (p *proxyDialer) dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if p.rules != nil {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, fmt.Errorf("address to connect to: %w", err)
		}
		if err := p.rules.checkHost(ctx, host); err != nil {
			return nil, err
		}
	}
	dial := p.tunnel
	if p.proxy.Scheme == "socks5" {
		dial = p.socks
	}
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, &redactedError{"connect through the proxy: " + withoutHost(err), err}
	}
	return conn, nil
}

// socks has a SOCKS5 proxy connect.
func (p *proxyDialer) socks(ctx context.Context, network, address string) (net.Conn, error) {
	var login *proxy.Auth
	if user := p.proxy.User; user != nil {
		password, _ := user.Password()
		login = &proxy.Auth{User: user.Username(), Password: password}
	}
	through, err := proxy.SOCKS5("tcp", proxyAddress(p.proxy), login, p)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, headerTimeout)
	defer cancel()
	return through.(proxy.ContextDialer).DialContext(ctx, network, address)
}

// Dial implements proxy.Dialer, which the library wants and does not call.
func (p *proxyDialer) Dial(network, address string) (net.Conn, error) {
	return p.dial(context.Background(), network, address)
}

// DialContext implements proxy.ContextDialer: it connects to the proxy.
func (p *proxyDialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return p.dial(ctx, network, address)
}

// tunnel has an HTTP proxy connect.
func (p *proxyDialer) tunnel(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := p.dial(ctx, network, proxyAddress(p.proxy))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, headerTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	through, err := p.connect(ctx, conn, address)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return through, nil
}

// connect asks an HTTP proxy for a connection to address, on a connection to the proxy.
func (p *proxyDialer) connect(ctx context.Context, conn net.Conn, address string) (net.Conn, error) {
	if p.proxy.Scheme == "https" {
		config := p.tls.Clone()
		config.ServerName = p.proxy.Hostname()
		encrypted := tls.Client(conn, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = encrypted
	}
	request := "CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n"
	if user := p.proxy.User; user != nil {
		password, _ := user.Password()
		request += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return nil, err
	}
	in := bufio.NewReader(io.LimitReader(conn, maxAnswerHeader))
	answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect}) //nolint:bodyclose // it has none
	switch {
	case err != nil:
		return nil, errors.New("the proxy's answer is not HTTP")
	case answer.StatusCode == http.StatusProxyAuthRequired:
		return nil, BadCredential(errProxyLogin)
	case answer.StatusCode != http.StatusOK:
		return nil, errProxyRefuses(answer.StatusCode)
	}
	early, _ := in.Peek(in.Buffered()) // of a server that speaks first
	return &proxiedConn{Conn: conn, in: io.MultiReader(bytes.NewReader(early), conn)}, nil
}

// proxiedConn is a connection of which a part has been read.
type proxiedConn struct {
	net.Conn
	in io.Reader
}

// Read implements net.Conn.
func (c *proxiedConn) Read(p []byte) (int, error) { return c.in.Read(p) }

// proxyAddress is host:port of a proxy, as it is dialled.
func proxyAddress(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
