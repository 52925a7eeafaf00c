package xmpp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"mellium.im/sasl"
	"mellium.im/xmpp"

	"github.com/travishook/travishook/internal/notify"
)

// maxServers limits how many of the servers that DNS names are tried.
const maxServers = 4

// connect opens a connection and logs in, until ctx ends.
func connect(ctx context.Context, a account, dial notify.Dialer) (*xmpp.Session, *limitedConn, error) {
	servers, err := servers(ctx, a)
	if err != nil {
		return nil, nil, notify.RedactHost(err)
	}
	conn, err := dialAny(ctx, servers, dial)
	if err != nil {
		return nil, nil, notify.RedactHost(err) // the Secret may name the server
	}
	// The library obeys ctx with a deadline that it resets before a blocked call has seen it, so
	// the connection is closed instead.
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	session, err := xmpp.NewClientSession(context.WithoutCancel(ctx), a.jid, conn, features(a, conn)...)
	if err == nil && session.State()&(xmpp.Secure|xmpp.Authn) != xmpp.Secure|xmpp.Authn {
		err = errNoEncryption
	}
	if err != nil && conn.exceeded.Load() {
		err = errStanzaTooLarge
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

// features returns what must be negotiated: encryption with a certificate for the account's domain, and
// then a login that does not reveal the password.
func features(a account, conn *limitedConn) []xmpp.StreamFeature {
	startTLS := then(xmpp.StartTLS(a.tls), func(rw io.ReadWriter) (io.ReadWriter, error) {
		encrypted, ok := rw.(*tls.Conn)
		if !ok {
			return nil, errNoEncryption
		}
		return conn.secure(encrypted), nil
	})
	login := then(xmpp.SASL("", a.password.Reveal(),
		limitIterations(sasl.ScramSha256Plus), limitIterations(sasl.ScramSha1Plus),
		limitIterations(sasl.ScramSha256), limitIterations(sasl.ScramSha1)),
		func(rw io.ReadWriter) (io.ReadWriter, error) { return rw, conn.restart() })
	return []xmpp.StreamFeature{startTLS, login, xmpp.BindResource()}
}

// then calls next with the connection that a successful negotiation of the feature returns.
func then(feature xmpp.StreamFeature, next func(io.ReadWriter) (io.ReadWriter, error)) xmpp.StreamFeature {
	negotiate := feature.Negotiate
	feature.Negotiate = func(ctx context.Context, s *xmpp.Session, data any) (xmpp.SessionState, io.ReadWriter, error) {
		state, rw, err := negotiate(ctx, s, data)
		if err == nil {
			rw, err = next(rw)
		}
		return state, rw, err
	}
	return feature
}

// servers returns where to connect to, as host:port, best first.
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

// targets turns DNS records into addresses: without records, the domain itself is the server.
func targets(domain string, records []*net.SRV) ([]string, error) {
	if len(records) == 0 {
		return []string{net.JoinHostPort(domain, defaultPort)}, nil
	}
	if len(records) == 1 && records[0].Target == "." {
		return nil, fmt.Errorf("%s has no XMPP server according to DNS: set one in server", domain)
	}
	var servers []string
	for _, r := range records[:min(len(records), maxServers)] {
		servers = append(servers, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), strconv.Itoa(int(r.Port))))
	}
	return servers, nil
}

func dialAny(ctx context.Context, servers []string, dial notify.Dialer) (*limitedConn, error) {
	var errs []error
	for _, server := range servers {
		conn, err := dial(ctx, "tcp", server)
		if err == nil {
			return &limitedConn{Conn: conn}, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}
