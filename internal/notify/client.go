package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
	"golang.org/x/net/idna"
)

// The limits of every outbound request. None is a setting: a service that needs more counts as down,
// and its delivery is retried.
const (
	// dialTimeout bounds resolving a name and connecting.
	dialTimeout = 10 * time.Second
	// tlsTimeout bounds the TLS handshake.
	tlsTimeout = 10 * time.Second
	// headerTimeout bounds the wait for an answer after the request is written.
	headerTimeout = 20 * time.Second
	// totalTimeout bounds a request from dialling to the end of the answer's body.
	totalTimeout = 45 * time.Second
	// maxAnswer limits the bytes read of a response's body: a chat service's has a few kilobytes.
	maxAnswer = 64 << 10
	// maxAnswerHeader limits the bytes of a response's header.
	maxAnswerHeader = 16 << 10
	// streamBuffer and connectionBuffer are HTTP/2's flow-control windows: the bytes that a server may
	// send before they are read. The defaults are 4 MiB for a stream and 1 GiB for a connection.
	streamBuffer     = maxAnswer
	connectionBuffer = 4 * maxAnswer
	// idlePerHost is the number of idle connections kept for one busy service: a batch of deliveries is sent
	// at once, and without HTTP/2 each takes a connection.
	idlePerHost = 64
	// idleTotal limits the idle connections, and with them memory and file descriptors.
	idleTotal = 256
	// idleTimeout closes idle connections before the usual load balancer (60 s) does: the response to
	// a request on a connection that was just closed is lost.
	idleTimeout = 50 * time.Second
	// keepAlive is the interval of probes on a quiet connection, in TCP and in HTTP/2, and
	// probeTimeout the wait for HTTP/2's answer: without them, requests on a connection that a
	// firewall dropped would hang for minutes.
	keepAlive    = 30 * time.Second
	probeTimeout = 15 * time.Second
)

// Options configure a client. The zero value is for accounts of the administrator.
type Options struct {
	// Rules restrict the addresses that it connects to; nil for accounts that are exempt.
	Rules *Rules
	// UserAgent is the operator and its version: travishook/1.2.3.
	UserAgent string

	// What an account sets for its own connections (see OverHTTP and OverTCP): nil for the operator's.
	roots       *x509.CertPool
	certificate *tls.Certificate
	proxy       *url.URL
}

// NewClient returns the HTTP client that all services share. It limits time and size, never
// decompresses, follows no redirect, uses the environment's proxy and the system's certificate
// authorities (SSL_CERT_FILE and SSL_CERT_DIR replace them), and refuses forbidden addresses. Its
// errors are marked (permanent, answer lost); like those of every http.Client their text contains the
// URL, which Redact removes. Make one client for all exempt accounts and one for the others, since
// connections are shared within it.
//
// With a proxy the rules cannot see where a connection ends. The proxy itself may have any address,
// since the administrator chose it; the target's name is resolved here as well and refused if one of
// its addresses is forbidden. A name that does not resolve here is left to the proxy: then only the
// proxy's own rules keep tenants off private addresses.
func NewClient(o Options) *http.Client {
	env := httpproxy.FromEnvironment()
	choose, dial := env.ProxyFunc(), dialFunc(env, o.Rules)
	if o.proxy != nil { // chosen by the account, so the rules apply to it as well
		choose = func(*url.URL) (*url.URL, error) { return o.proxy, nil }
		dial = NewDialer(o.Rules)
	}
	t := &http.Transport{
		Proxy:                  proxyFunc(choose, o.Rules),
		OnProxyConnectResponse: o.checkProxyAnswer,
		DialContext:            dial,
		TLSClientConfig:        o.tls(),
		TLSHandshakeTimeout:    tlsTimeout,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
		DisableCompression:     true, // a kilobyte of gzip can unpack to a megabyte
		MaxIdleConns:           idleTotal,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: keepAlive, PingTimeout: probeTimeout,
			MaxReceiveBufferPerStream: streamBuffer, MaxReceiveBufferPerConnection: connectionBuffer,
		},
	}
	return &http.Client{Transport: &transport{next: t, options: o}}
}

// tls returns the configuration of encrypted connections, without a server's name.
func (o *Options) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.roots}
	if o.certificate != nil {
		config.Certificates = []tls.Certificate{*o.certificate}
	}
	return config
}

// proxyFunc returns the proxy that is chosen for a request, after checking the request's host.
func proxyFunc(choose func(*url.URL) (*url.URL, error), rules *Rules) func(*http.Request) (*url.URL, error) {
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

// checkHost refuses a host if any of its addresses that can be resolved here is forbidden, or if a
// proxy might read it as an address although it is not spelled as one.
func (r Rules) checkHost(ctx context.Context, host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		return permanentIf(r.Check(addr))
	}
	host, err := idna.Lookup.ToASCII(host) // as the transport does: full-width digits become digits
	if err != nil {
		return Permanent(errors.New("the host name of the URL is not valid"))
	}
	host = strings.TrimSuffix(host, ".")
	if endsInNumber(host) {
		return Permanent(&forbiddenError{"an address in a notation other than the usual"})
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

// endsInNumber reports whether the last label of a host is a number: then inet_aton and browsers read
// the whole as an IPv4 address (2130706433, 127.1, 0x7f.1). No top-level domain is a number.
func endsInNumber(host string) bool {
	last := strings.ToLower(host[strings.LastIndexByte(host, '.')+1:])
	digits := "0123456789"
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		last, digits = hex, digits+"abcdef"
	}
	return strings.Trim(last, digits) == ""
}

func permanentIf(err error) error {
	if err == nil {
		return nil
	}
	return Permanent(err)
}

// dialFunc returns a dialer that applies the rules, except to the environment's proxies.
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

// proxyAddresses returns host:port of the environment's proxies, as the transport dials them.
func proxyAddresses(env *httpproxy.Config) map[string]bool {
	addresses := map[string]bool{}
	for _, scheme := range []string{"http", "https"} {
		proxy, err := env.ProxyFunc()(&url.URL{Scheme: scheme, Host: "proxied.invalid"})
		if err != nil || proxy == nil {
			continue
		}
		addresses[proxyAddress(proxy)] = true
	}
	return addresses
}
