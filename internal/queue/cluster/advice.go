package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/natslog"
)

// What the server says about a stream that it does not make.
const (
	streamTooLarge       = jetstream.ErrorCode(server.JSStreamMaxStreamBytesExceeded)
	noPeers              = jetstream.ErrorCode(server.JSClusterNoPeersErrF)
	replicasNotSupported = jetstream.ErrorCode(server.JSStreamReplicasNotSupportedErr)
)

// cannotConnect says what a person can do about a connection that does not come about.
func cannotConnect(err error) error {
	if errors.Is(err, nats.ErrNoServers) {
		return fmt.Errorf("no server answers; look at store.external.url, and whether the cluster runs: %w", err)
	}
	if errors.Is(err, nats.ErrSecureConnWanted) {
		return fmt.Errorf("the server speaks no TLS; turn it on there, or leave out the files of store.external that are for it: %w", err)
	}
	if advice := entry(err); advice != "" {
		return fmt.Errorf("%s: %w", advice, err)
	}
	// The reason may be lost where the server is faster to hang up than we are to read it.
	if strings.Contains(err.Error(), "after TLS handshake") {
		return fmt.Errorf("the server hangs up when it has seen who connects; look at store.external.tls: %w", err)
	}
	return fmt.Errorf("connect: %w", err)
}

// entry says what keeps the cluster from letting us in, or us from trusting it, and where to look;
// empty for what passes by itself. Where TLS 1.3 is spoken, a server that does not like our
// certificate says so later, in words that the client's library passes on without the type.
func entry(err error) string {
	var unknown x509.UnknownAuthorityError
	var untrusted *tls.CertificateVerificationError
	said := strings.ToLower(err.Error())
	switch {
	case errors.As(err, &unknown):
		return "the authority of the server's certificate is not known; look at store.external.caFile"
	case errors.As(err, &untrusted):
		return "the server's certificate does not hold"
	case strings.Contains(said, "remote error: tls"):
		return "the server does not take the client's certificate; look at store.external.tls"
	case strings.Contains(said, "authorization violation"), strings.Contains(said, "authentication expired"),
		strings.Contains(said, "authentication revoked"), strings.Contains(said, "nkey"), strings.Contains(said, "jwt"):
		return "the cluster does not let this user in; look at store.external.credentialsFile"
	}
	return ""
}

// cannotMake says what a person can do about a stream that cannot be made or changed.
func cannotMake(err error) error {
	var refused *jetstream.APIError
	if !errors.As(err, &refused) {
		return noJetStream(err)
	}
	switch {
	case natslog.NoRoom(refused), refused.ErrorCode == streamTooLarge:
		return fmt.Errorf("the account or the servers have no room for it; allow more storage, or lower store.maxSize: %w", err)
	case refused.ErrorCode == noPeers, refused.ErrorCode == replicasNotSupported:
		return fmt.Errorf("the cluster has no place for that many copies; lower store.external.replicas, or see whether all servers run and have room: %w", err)
	}
	return noJetStream(err)
}

// noJetStream says so where that is the reason.
func noJetStream(err error) error {
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("the servers run without JetStream; turn it on, as docs/operations/external-store.md says: %w", err)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("the user's account has no JetStream; turn it on for the account: %w", err)
	}
	return err
}
