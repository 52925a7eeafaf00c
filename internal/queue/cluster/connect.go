package cluster

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// External is an existing NATS cluster with JetStream, which several replicas may share. Its servers
// must run with `jetstream { sync_interval: always }`: without it an acknowledgement does not mean
// synced, and no client can see that. A zero value means the default.
type External struct {
	// URL of one or more servers, separated by commas: nats://, or tls:// where TLS must be used.
	URL string
	// CredentialsFile is a file of a user's JWT and key, as nsc writes it. It is read again at
	// each new connection.
	CredentialsFile string
	// CAFile verifies the servers' certificates; CertFile and KeyFile are the client's own.
	CAFile, CertFile, KeyFile string
	// Name begins the names of the stream, its subject and the bucket of leases, so that several
	// stores can share an account. Default "travishook".
	Name string
	// Replicas of the stream in the cluster: 1, 3 or 5. Default 3.
	Replicas int
	// Adopt has a stream whose settings differ changed to those that are needed, as far as the
	// server can do that without losing a message. Else it is an error.
	Adopt bool
}

const (
	defaultName     = "travishook"
	defaultReplicas = 3

	connectTimeout = 5 * time.Second
	// A server that answers no ping for twice that time is replaced with another.
	pingInterval = 2 * time.Second
	// retryPause is the pause before a connection, a start or the tail is tried again.
	retryPause = 500 * time.Millisecond
)

// nameForm is what is good for a stream's name and a subject.
var nameForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func (x *External) complete() error {
	if x.Name == "" {
		x.Name = defaultName
	}
	if !nameForm.MatchString(x.Name) {
		return fmt.Errorf("the external store's name is %q; it may have small letters, digits and -", x.Name)
	}
	if x.Replicas == 0 {
		x.Replicas = defaultReplicas
	}
	if x.URL == "" {
		return errors.New("the external store needs a URL")
	}
	return nil
}

// names of what belongs to a store in the cluster.
type names struct{ stream, subject, leases, requests, inbox string }

func (x *External) names() names {
	upper := strings.ToUpper(x.Name)
	return names{
		stream: upper + "_JOURNAL", subject: x.Name + ".journal", leases: upper + "_LEASES",
		requests: x.Name + ".ask.", inbox: "_INBOX." + x.Name,
	}
}

// connect connects to the cluster.
func connect(x *External, r *refusals) (*nats.Conn, error) {
	options, err := x.connection(r)
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(x.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", explain(err))
	}
	return conn, nil
}

func (x *External) connection(r *refusals) ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name("travishook"),
		nats.Timeout(connectTimeout),
		nats.MaxReconnects(-1), // for ever: the store recovers when a server is back
		nats.ReconnectWait(retryPause),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.ReconnectBufSize(-1), // what cannot be sent now must not be sent later
		// Credentials that are refused may be replaced in a moment; the library would give up.
		nats.IgnoreAuthErrorAbort(),
		nats.CustomInboxPrefix(r.names.inbox), // so that the user needs no permission for other inboxes
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				r.logger.Info("store has lost its server and looks for another", "reason", err.Error())
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			r.forget()
			r.logger.Info("store has found a server")
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { r.report(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { r.report(err) }),
	}
	// The connection's own error about an unreadable file would be vague.
	for _, file := range []string{x.CredentialsFile, x.CAFile, x.CertFile, x.KeyFile} {
		if file != "" {
			if _, err := os.Stat(file); err != nil {
				return nil, fmt.Errorf("connect: %w", err)
			}
		}
	}
	if x.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(x.CredentialsFile))
	}
	if x.CAFile != "" {
		options = append(options, nats.RootCAs(x.CAFile))
	}
	if x.CertFile != "" {
		options = append(options, nats.ClientCert(x.CertFile, x.KeyFile))
	}
	return options, nil
}
