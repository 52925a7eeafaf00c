// Package settings reads and validates the operator's settings file before anything starts.
package settings

import (
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// The first two fields of a settings file.
const (
	APIVersion = "settings.travishook.dev/v1alpha1"
	Kind       = "Settings"
)

// Settings is the whole file. Only apiVersion and kind are required; all other fields have defaults.
type Settings struct {
	// apiVersion of the file: settings.travishook.dev/v1alpha1.
	APIVersion string `json:"apiVersion"`
	// kind of the file: Settings.
	Kind string `json:"kind"`
	// namespaces whose routes are served. Empty: the whole cluster. The operator's own namespace,
	// with the cluster-wide TravisDefaults, is always read.
	Namespaces []string `json:"namespaces"`
	// receiver configures the server that Travis posts webhooks to.
	Receiver Receiver `json:"receiver"`
	// trust configures how webhooks are verified.
	Trust Trust `json:"trust"`
	// store configures where accepted events are kept until they are delivered.
	Store Store `json:"store"`
	// delivery configures how messages are sent.
	Delivery Delivery `json:"delivery"`
	// outbound configures all connections that the operator makes.
	Outbound Outbound `json:"outbound"`
	// api configures the server that answers kubectl travis why, deliveries, redrive and test.
	API API `json:"api"`
	// probes configures the server of /healthz and /readyz.
	Probes Listener `json:"probes"`
	// metrics configures the server of /metrics.
	Metrics Listener `json:"metrics"`
	// log configures what the operator writes to standard error.
	Log Log `json:"log"`
}

// Listener is a plain HTTP server.
type Listener struct {
	// address to listen on, as host:port.
	Address string `json:"address"`
}

// Receiver configures the server that Travis posts to.
type Receiver struct {
	// address to listen on, as host:port. Port 0 selects a free port, which the log shows.
	Address string `json:"address"`
	// pathPrefix of the webhook URL. A proof may follow as the last segment.
	PathPrefix string `json:"pathPrefix"`
	// publicURL is the webhook URL for .travis.yml, without a proof: scheme, host and path of the
	// ingress. Statuses and kubectl travis show it; it has no other use.
	PublicURL string `json:"publicURL"`
	// trustedProxies are the networks, as CIDRs, of proxies whose X-Forwarded-For or X-Real-IP
	// header names the client.
	TrustedProxies []netip.Prefix `json:"trustedProxies"`
	// maxAge of a build event, counted from the end of the build, else from its start. Older events are
	// answered with 204 and not relayed. 0s means no limit. The store remembers each event for two hours
	// longer than maxAge, in about 100 bytes; without a limit, it remembers an event for 30 days, after
	// which a replayed webhook is accepted again.
	MaxAge Duration `json:"maxAge"`
	// linger is how long the receiver keeps accepting webhooks after the operator is told to stop,
	// because an ingress keeps sending until it notices. At most 1m; with the embedded store at most 10s,
	// because the next pod holds webhooks meanwhile.
	Linger Duration `json:"linger"`
	// tls makes the receiver serve HTTPS.
	TLS *TLS `json:"tls"`
}

// TLS is a certificate and its key in files. Changed files are reloaded.
type TLS struct {
	// certFile is the certificate chain, as PEM.
	CertFile string `json:"certFile"`
	// keyFile is its private key, as PEM.
	KeyFile string `json:"keyFile"`
}

// API is the HTTPS server behind kubectl travis. It authenticates and authorizes each caller with the
// Kubernetes API server.
type API struct {
	// address to listen on, as host:port. Empty: the API is turned off.
	Address string `json:"address"`
	// tls is its certificate. If omitted, the operator generates a self-signed one at each start, which
	// is enough behind the API server's proxy.
	TLS *TLS `json:"tls"`
}

// Trust configures how webhooks are verified.
type Trust struct {
	// keys that Travis signs with. If omitted: the key of travis-ci.com, fetched from its API. With an
	// empty list no signature can be verified, so only keyless repositories are accepted.
	Keys []Key `json:"keys"`
	// keyRefresh is the interval at which keys with a URL are fetched again.
	KeyRefresh Duration `json:"keyRefresh"`
	// keyOverlap is how long a key stays valid after its URL returns another one.
	KeyOverlap Duration `json:"keyOverlap"`
	// keylessRepositories are repositories, as owner/name globs, of a Travis that signs nothing:
	// for these, the token's proof alone is enough.
	KeylessRepositories []string `json:"keylessRepositories"`
}

// Key is a public key of one Travis. Exactly one of pem, configMap, secret and url is set.
type Key struct {
	// name shown in logs and conditions.
	Name string `json:"name"`
	// pem is the key itself.
	PEM string `json:"pem"`
	// configMap in the operator's namespace that contains the key as PEM. A change takes effect at once.
	ConfigMap *ObjectKey `json:"configMap"`
	// secret in the operator's namespace that contains the key as PEM, with the label
	// travishook.dev/secret-type=key. A change takes effect at once.
	Secret *ObjectKey `json:"secret"`
	// url of the /config of a Travis, such as https://api.travis-ci.com/config.
	URL string `json:"url"`
	// provider that hosts your repositories, if this Travis builds for several: github, bitbucket,
	// gitlab or assembla. A repository that is granted on its signature alone is bound to the id of the
	// repository with that name at this provider. If omitted: github for travis-ci.com; any other Travis
	// is assumed to build for one provider.
	Provider string `json:"provider"`
	// api is the base URL of this Travis' API, which returns repository ids. If omitted: url without
	// /config.
	API string `json:"api"`
	// repositories whose webhooks the key may sign, as owner/name globs. Empty: all.
	Repositories []string `json:"repositories"`
}

// ObjectKey is a value in a ConfigMap or a Secret.
type ObjectKey struct {
	// name of the object.
	Name string `json:"name"`
	// key in the object.
	Key string `json:"key"`
}

// Store configures where accepted events are kept until they are delivered.
type Store struct {
	// directory of the embedded store. It must be on a disk that honors fsync.
	Directory string `json:"directory"`
	// maxSize of the stored events and deliveries. At the limit the receiver answers 503. It must be
	// well below the volume's size.
	MaxSize resource.Quantity `json:"maxSize"`
	// maxMemory limits the estimated memory of stored events and deliveries. Beyond it the receiver
	// answers 503 as well. Zero: half of GOMEMLIMIT, which the chart sets to 90 % of the pod's memory
	// limit; without it, 256Mi.
	MaxMemory resource.Quantity `json:"maxMemory"`
	// external keeps the store in an existing NATS cluster, which several replicas of the operator
	// can share. If omitted, the store is embedded.
	External *External `json:"external"`
	// keepDead is how long a dead letter is kept for inspection and redrive.
	KeepDead Duration `json:"keepDead"`
}

// External is a NATS cluster with JetStream. Its servers must run with sync_interval: always; see
// docs/operations/external-store.md.
type External struct {
	// url of one or more servers, separated by commas: nats://host:4222, or tls:// to require an
	// encrypted connection. It must not contain credentials.
	URL string `json:"url"`
	// credentialsFile of the NATS user, in the format that nsc writes.
	CredentialsFile string `json:"credentialsFile"`
	// caFile is the certificate authority of the servers, as PEM. Empty: the system's authorities.
	CAFile string `json:"caFile"`
	// tls is the operator's client certificate, if the servers require one.
	TLS *TLS `json:"tls"`
	// name is the prefix of the stream's and the bucket's names, so that several installations can
	// share a NATS account. Empty: travishook.
	Name string `json:"name"`
	// replicas of the stream in the NATS cluster: 1, 3 or 5. Zero: 3.
	Replicas int `json:"replicas"`
	// adopt changes the configuration of an existing stream to the one that this version needs. By
	// default, the operator does not start if the stream has another configuration.
	Adopt bool `json:"adopt"`
}

// Delivery configures how messages are sent.
type Delivery struct {
	// retryFor is how long a delivery is retried before it becomes a dead letter.
	RetryFor Duration `json:"retryFor"`
	// allowAddresses are private networks, as CIDRs, that accounts of tenants may connect to.
	// Accounts of the cluster-wide TravisDefaults may connect anywhere.
	AllowAddresses []netip.Prefix `json:"allowAddresses"`
	// denyAddresses are more networks, as CIDRs, that accounts of tenants may not connect to, such as
	// the cluster's pods and Services if these have public addresses.
	DenyAddresses []netip.Prefix `json:"denyAddresses"`
}

// Outbound applies to all connections that the operator makes: to chat services, key URLs, Travis' API and
// NATS.
type Outbound struct {
	// caFile contains certificate authorities, as PEM, that are trusted in addition to the system's, such
	// as the company's. It is read at the start. For an account or a NATS cluster with its own
	// authorities, only these are trusted.
	CAFile string `json:"caFile"`
}

// Log is the level and format of the log.
type Log struct {
	// level is debug, info or error.
	Level string `json:"level"`
	// format is json or console.
	Format string `json:"format"`
}

// Default returns the settings of an empty file.
func Default() Settings {
	return Settings{
		APIVersion: APIVersion,
		Kind:       Kind,
		Receiver: Receiver{
			Address:    ":8080",
			PathPrefix: "/travis",
			MaxAge:     Duration(24 * time.Hour),
			Linger:     Duration(5 * time.Second),
		},
		Trust: Trust{
			Keys:       []Key{{Name: "travis-ci.com", URL: "https://api.travis-ci.com/config"}},
			KeyRefresh: Duration(time.Hour),
			KeyOverlap: Duration(24 * time.Hour),
		},
		Store: Store{
			Directory: "/var/lib/travishook",
			MaxSize:   resource.MustParse("1Gi"),
			KeepDead:  Duration(7 * 24 * time.Hour),
		},
		Delivery: Delivery{
			RetryFor: Duration(24 * time.Hour),
		},
		API:     API{Address: ":8443"},
		Probes:  Listener{Address: ":8081"},
		Metrics: Listener{Address: ":9090"},
		Log:     Log{Level: "info", Format: "json"},
	}
}
