package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/travishook/travishook/internal/queue/natslog"
)

// explain adds advice to an error of NATS, if there is any.
func explain(err error) error {
	for _, e := range explanations {
		if e.is(err) {
			return fmt.Errorf("%s: %w", e.advice, err)
		}
	}
	return err
}

// explanations are in the order in which they are tried.
var explanations = []struct {
	is     func(error) bool
	advice string
}{
	{is(nats.ErrNoServers), "no server answers; look at store.external.url, and whether the cluster runs"},
	{is(nats.ErrSecureConnWanted), "the server speaks no TLS; turn it on there, or leave out the files of store.external that are for it"},
	{isType[x509.UnknownAuthorityError], "the authority of the server's certificate is not known; look at store.external.caFile"},
	{isType[*tls.CertificateVerificationError], "the server's certificate is not valid"},
	// Where TLS 1.3 is spoken, a server that rejects our certificate says so later, in words that the
	// client's library passes on without the type.
	{says("remote error: tls"), "the server rejects the client's certificate; look at store.external.tls"},
	{
		says("authorization violation", "authentication expired", "authentication revoked", "nkey", "jwt"),
		"the cluster does not let this user in; look at store.external.credentialsFile",
	},
	// The reason may be lost where the server is faster to hang up than we are to read it.
	{says("after tls handshake"), "the server hangs up when it has seen who connects; look at store.external.tls"},
	{refusedFor(noRoom), "the account or the servers have no room for it; allow more storage, or lower store.maxSize"},
	{refusedFor(noPlace), "the cluster has no place for that many copies; lower store.external.replicas, or check that all servers run and have room"},
	{is(jetstream.ErrJetStreamNotEnabled), withoutJetStream},
	{is(nats.ErrNoResponders), withoutJetStream},
	{is(jetstream.ErrJetStreamNotEnabledForAccount), "the user's account has no JetStream; turn it on for the account"},
}

const withoutJetStream = "the servers run without JetStream; turn it on, as docs/operations/external-store.md says"

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isType[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

func says(words ...string) func(error) bool {
	return func(err error) bool {
		text := strings.ToLower(err.Error())
		for _, w := range words {
			if strings.Contains(text, w) {
				return true
			}
		}
		return false
	}
}

func refusedFor(reason func(*jetstream.APIError) bool) func(error) bool {
	return func(err error) bool {
		refused, ok := errors.AsType[*jetstream.APIError](err)
		return ok && reason(refused)
	}
}

func noRoom(refused *jetstream.APIError) bool {
	return natslog.NoRoom(refused) || refused.ErrorCode == jetstream.ErrorCode(server.JSStreamMaxStreamBytesExceeded)
}

func noPlace(refused *jetstream.APIError) bool {
	return refused.ErrorCode == jetstream.ErrorCode(server.JSClusterNoPeersErrF) ||
		refused.ErrorCode == jetstream.ErrorCode(server.JSStreamReplicasNotSupportedErr)
}

// refusals remember what the cluster does not let this user do. NATS reports that asynchronously, while
// the request only times out.
type refusals struct {
	names  names
	logger logr.Logger

	mu       sync.Mutex
	last     error
	at       time.Time
	onDenied func(error) // called for each missing permission
}

// refusalMemory is how long a refusal explains why no answer comes, and how often it is logged.
const refusalMemory = time.Minute

// report takes what the connection reports.
func (r *refusals) report(err error) {
	denied := errors.Is(err, nats.ErrPermissionViolation)
	sentence := explain(err)
	if denied {
		sentence = r.names.explainDenied(err)
	}
	if sentence.Error() == err.Error() {
		r.logger.V(1).Info("connection reports an error", "reason", err.Error())
		return
	}
	r.mu.Lock()
	news := r.last == nil || r.last.Error() != sentence.Error() || time.Since(r.at) > refusalMemory
	if news {
		r.last, r.at = sentence, time.Now()
	}
	onDenied := r.onDenied
	r.mu.Unlock()
	if news {
		r.logger.Error(sentence, "the cluster refuses what the store needs")
	} else {
		r.logger.V(1).Info("the cluster still refuses", "reason", sentence.Error())
	}
	if denied && onDenied != nil {
		onDenied(sentence)
	}
}

// watch has fn called for each missing permission; nil ends that.
func (r *refusals) watch(fn func(error)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onDenied = fn
}

// forget drops all refusals after the cluster has accepted a connection again.
func (r *refusals) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = nil
}

// explain adds recent refusals to err, which may be the reason for a missing answer.
func (r *refusals) explain(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil || r.last == nil || time.Since(r.at) > refusalMemory {
		return err
	}
	return fmt.Errorf("%w: %w", err, r.last)
}
