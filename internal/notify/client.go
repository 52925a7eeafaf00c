package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// The bounds of every outbound request. None is a setting: a service that needs more than
// these is a service that is down, and its delivery is tried again.
const (
	// dialTimeout bounds resolving a name and connecting.
	dialTimeout = 10 * time.Second
	// tlsTimeout bounds the TLS handshake.
	tlsTimeout = 10 * time.Second
	// headerTimeout bounds the wait for an answer after the request is written.
	headerTimeout = 20 * time.Second
	// totalTimeout bounds a request from dialling to the end of the answer's body.
	totalTimeout = 45 * time.Second
	// maxAnswer bounds the bytes read of an answer: a chat service's are a few kilobytes.
	maxAnswer = 1 << 20
	// maxAnswerHeader bounds the bytes of an answer's header.
	maxAnswerHeader = 64 << 10
	// idlePerHost keeps connections for the rooms of one busy service.
	idlePerHost = 8
	// idleTotal bounds the kept connections, and with them file descriptors.
	idleTotal = 256
	// idleTimeout ends kept connections before the usual load balancer (60 s) does, since
	// a request on a connection that just ended is one whose answer is lost.
	idleTimeout = 50 * time.Second
	// keepAlive is the pause between probes on a quiet connection, in TCP and in HTTP/2, and
	// probeTimeout the wait for HTTP/2's answer: without them, a connection that a firewall
	// dropped would swallow every request to its host for minutes.
	keepAlive    = 30 * time.Second
	probeTimeout = 15 * time.Second
)

// Options make a client. The zero value is for accounts of the administrator.
type Options struct {
	// Rules that bind the client; nil for accounts that are exempt.
	Rules *Rules
	// CA is trusted instead of the system's certificates; nil trusts the system's, which
	// SSL_CERT_FILE and SSL_CERT_DIR can replace.
	CA *x509.CertPool
	// UserAgent names the operator and its version: travishook/1.2.3.
	UserAgent string
}

// NewClient returns the HTTP client that all services share: bounded in time and size,
// following no redirect, speaking through the environment's proxy, and refusing forbidden
// addresses. Errors of it are marked (permanent, answer lost); their text, as with every
// http.Client, holds the URL, which Redact removes. Make one for all exempt accounts and
// one for the others, since connections are shared within it.
//
// With a proxy the rules cannot see where a connection ends. The proxy itself may be
// anywhere, since the administrator chose it; the target's name is resolved here as well and
// refused if one of its addresses is forbidden; and a name that resolves nowhere here is left
// to the proxy, whose own rules then are what keeps tenants off private addresses.
func NewClient(o Options) *http.Client {
	env := httpproxy.FromEnvironment()
	t := &http.Transport{
		Proxy:                  proxyFunc(env, o.Rules),
		DialContext:            dialFunc(env, o.Rules),
		TLSClientConfig:        &tls.Config{RootCAs: o.CA, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: keepAlive, PingTimeout: probeTimeout},
	}
	return &http.Client{Transport: &transport{next: t, userAgent: o.UserAgent}}
}

// proxyFunc chooses the environment's proxy, after a look at where it will be asked to go.
func proxyFunc(env *httpproxy.Config, rules *Rules) func(*http.Request) (*url.URL, error) {
	choose := env.ProxyFunc()
	return func(req *http.Request) (*url.URL, error) {
		proxy, err := choose(req.URL)
		if err != nil {
			return nil, fmt.Errorf("proxy setting: %w", err)
		}
		if proxy == nil || rules == nil {
			return proxy, nil
		}
		return proxy, rules.checkHost(req.Context(), req.URL.Hostname())
	}
}

// checkHost refuses a host of which any address known here is forbidden.
func (r Rules) checkHost(ctx context.Context, host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return permanentIf(r.Check(addr))
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // behind a proxy, names may be known to the proxy alone
	}
	for _, addr := range addrs {
		if err := r.Check(addr); err != nil {
			return Permanent(err)
		}
	}
	return nil
}

func permanentIf(err error) error {
	if err == nil {
		return nil
	}
	return Permanent(err)
}

// dialFunc binds connections by the rules, but for those to the environment's proxies.
func dialFunc(env *httpproxy.Config, rules *Rules) Dialer {
	dial := NewDialer(rules)
	if rules == nil {
		return dial
	}
	toProxy := NewDialer(nil)
	proxies := proxyAddresses(env)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if proxies[address] {
			return toProxy(ctx, network, address)
		}
		return dial(ctx, network, address)
	}
}

// proxyAddresses are host:port of the environment's proxies, as the transport dials them.
func proxyAddresses(env *httpproxy.Config) map[string]bool {
	ports := map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}
	addresses := map[string]bool{}
	for _, scheme := range []string{"http", "https"} {
		proxy, err := env.ProxyFunc()(&url.URL{Scheme: scheme, Host: "proxied.invalid"})
		if err != nil || proxy == nil {
			continue
		}
		port := proxy.Port()
		if port == "" {
			port = ports[proxy.Scheme]
		}
		addresses[net.JoinHostPort(proxy.Hostname(), port)] = true
	}
	return addresses
}
