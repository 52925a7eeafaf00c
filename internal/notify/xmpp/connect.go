package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"mellium.im/sasl"
	"mellium.im/xmpp"

	"github.com/travishook/travishook/internal/notify"
)

// maxServers of those that DNS names are tried.
const maxServers = 4

// connect opens a connection and logs in. It ends with ctx.
func connect(ctx context.Context, a account, dial notify.Dialer) (*xmpp.Session, *meteredConn, error) {
	servers, err := servers(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	conn, err := dialAny(ctx, servers, dial)
	if err != nil {
		return nil, nil, err
	}
	// The library's own way to obey ctx sets a deadline and takes it back before a blocked
	// call has seen it; a closed connection cannot be missed.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	session, err := xmpp.NewClientSession(context.WithoutCancel(ctx), a.jid, conn, features(a)...)
	if err == nil && session.State()&(xmpp.Secure|xmpp.Authn) != xmpp.Secure|xmpp.Authn {
		err = errors.New("the server skipped encryption or login")
	}
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, loginError(err, session.State()&xmpp.Secure != 0)
	}
	return session, conn, nil
}

// features are what must be agreed on: encryption with a certificate for the
// account's domain, and then a login that does not show the password.
func features(a account) []xmpp.StreamFeature {
	config := &tls.Config{ServerName: a.domain, RootCAs: a.roots, MinVersion: tls.VersionTLS12}
	return []xmpp.StreamFeature{
		xmpp.StartTLS(config),
		xmpp.SASL("", a.password.Reveal(),
			bounded(sasl.ScramSha256Plus), bounded(sasl.ScramSha1Plus),
			bounded(sasl.ScramSha256), bounded(sasl.ScramSha1)),
		xmpp.BindResource(),
	}
}

// servers are where to connect to, as host:port, best first.
func servers(ctx context.Context, a account) ([]string, error) {
	if a.server != "" {
		return []string{a.server}, nil
	}
	_, records, err := net.DefaultResolver.LookupSRV(ctx, "xmpp-client", "tcp", a.domain)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		records = nil // most small servers have no such record
	}
	return targets(a.domain, records)
}

// targets turns DNS records into addresses: none means that the domain is the server.
func targets(domain string, records []*net.SRV) ([]string, error) {
	if len(records) == 0 {
		return []string{net.JoinHostPort(domain, defaultPort)}, nil
	}
	if len(records) == 1 && records[0].Target == "." {
		return nil, fmt.Errorf("%s says in DNS that it has no XMPP server: name one in server", domain)
	}
	var servers []string
	for _, r := range records[:min(len(records), maxServers)] {
		servers = append(servers, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return servers, nil
}

func dialAny(ctx context.Context, servers []string, dial notify.Dialer) (*meteredConn, error) {
	var errs []error
	for _, server := range servers {
		conn, err := dial(ctx, "tcp", server)
		if err == nil {
			return &meteredConn{Conn: conn}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
