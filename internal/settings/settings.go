// Package settings reads the operator's own settings: one versioned file, checked as a whole
// before anything starts.
package settings

import (
	"net/netip"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What a settings file must say it is.
const (
	APIVersion = "settings.travishook.dev/v1alpha1"
	Kind       = "Settings"
)

// Settings is the whole file. Every field has a default; a file may say nothing but its version.
type Settings struct {
	// apiVersion of the file: settings.travishook.dev/v1alpha1.
	APIVersion string `json:"apiVersion"`
	// kind of the file: Settings.
	Kind string `json:"kind"`
	// namespaces whose routes are served. Empty: the whole cluster. The operator's own namespace,
	// with the cluster-wide TravisDefaults, is always read.
	Namespaces []string `json:"namespaces"`
	// receiver is where Travis' webhooks arrive.
	Receiver Receiver `json:"receiver"`
	// trust is what vouches for them.
	Trust Trust `json:"trust"`
	// store is where they are kept until they are delivered.
	Store Store `json:"store"`
	// delivery is how they go out.
	Delivery Delivery `json:"delivery"`
	// api is what kubectl travis asks for deliveries, and why there are none.
	API API `json:"api"`
	// probes is the address of /healthz and /readyz.
	Probes Listener `json:"probes"`
	// metrics is the address of /metrics.
	Metrics Listener `json:"metrics"`
	// log is what the operator writes to standard error.
	Log Log `json:"log"`
}

// Listener is a plain HTTP server.
type Listener struct {
	// address to listen on, as host:port.
	Address string `json:"address"`
}

// Receiver is the server that Travis posts to.
type Receiver struct {
	// address to listen on, as host:port. Port 0 takes a free one, which the log names.
	Address string `json:"address"`
	// pathPrefix of the webhook. A proof may follow it as one more segment.
	PathPrefix string `json:"pathPrefix"`
	// publicURL is what people write into .travis.yml, without a proof: the ingress' scheme, host
	// and path. It is only shown.
	PublicURL string `json:"publicURL"`
	// trustedProxies may say in X-Forwarded-For or X-Real-IP who the client is, as CIDRs.
	TrustedProxies []netip.Prefix `json:"trustedProxies"`
	// maxAge of a build event, counted from the end of the build, else from its start. An older
	// one is answered with 204 and not relayed.
	MaxAge Duration `json:"maxAge"`
	// linger is how long the receiver goes on taking webhooks once the operator is told to stop,
	// because an ingress goes on sending them until it has heard of it.
	Linger Duration `json:"linger"`
	// tls makes the receiver serve HTTPS itself.
	TLS *TLS `json:"tls"`
}

// TLS is a certificate in files, read again when they change.
type TLS struct {
	// certFile is the certificate chain, as PEM.
	CertFile string `json:"certFile"`
	// keyFile is its private key, as PEM.
	KeyFile string `json:"keyFile"`
}

// API is the server that people ask, over HTTPS. Who they are, and what they may see, it asks the
// API server.
type API struct {
	// address to listen on, as host:port. Empty: nobody can ask.
	Address string `json:"address"`
	// tls is its certificate. Left out: one that is made at the start and that nobody vouches for,
	// which is enough behind the API server's proxy.
	TLS *TLS `json:"tls"`
}

// Trust is what vouches for a webhook.
type Trust struct {
	// keys that Travis signs with. Left out: that of travis-ci.com, fetched from its API.
	// An empty list: no signature can be checked, and only keyless repositories are heard.
	Keys []Key `json:"keys"`
	// keyRefresh is how often keys with a URL are fetched again.
	KeyRefresh Duration `json:"keyRefresh"`
	// keyOverlap is how long a key goes on being valid after its URL has begun to give another.
	KeyOverlap Duration `json:"keyOverlap"`
	// keylessRepositories are the repositories, as owner/name globs, of a Travis that signs
	// nothing: the token's proof alone is enough for them.
	KeylessRepositories []string `json:"keylessRepositories"`
}

// Key is a public key of one Travis. Exactly one of pem, configMap, secret and url is set.
type Key struct {
	// name in logs and conditions.
	Name string `json:"name"`
	// pem is the key itself.
	PEM string `json:"pem"`
	// configMap in the operator's namespace that holds the key as PEM. A change is taken up at once.
	ConfigMap *ObjectKey `json:"configMap"`
	// secret in the operator's namespace that holds the key as PEM, labelled
	// travishook.dev/secret-type=key. A change is taken up at once.
	Secret *ObjectKey `json:"secret"`
	// url of a Travis' /config, such as https://api.travis-ci.com/config.
	URL string `json:"url"`
	// repositories that the key may vouch for, as owner/name globs. Empty: all.
	Repositories []string `json:"repositories"`
}

// ObjectKey is a value in a ConfigMap or a Secret.
type ObjectKey struct {
	// name of the object.
	Name string `json:"name"`
	// key in it.
	Key string `json:"key"`
}

// Store is where accepted events are kept, on disk.
type Store struct {
	// directory of the store. It must be on a disk that keeps what was synced.
	Directory string `json:"directory"`
	// maxSize of what is kept. At the limit the receiver answers 503. Keep it well under the
	// volume's size.
	MaxSize resource.Quantity `json:"maxSize"`
	// external keeps the store in an existing NATS cluster instead, which several replicas of the
	// operator can share. Left out: in the directory.
	External *External `json:"external"`
	// keepDead is how long a dead letter can be seen and redriven.
	KeepDead Duration `json:"keepDead"`
}

// External is a NATS cluster with JetStream. Its servers must sync always; see
// docs/operations/external-store.md.
type External struct {
	// url of one or more servers, separated by commas: nats://host:4222, or tls:// where the
	// connection must be encrypted. Credentials have no place in it.
	URL string `json:"url"`
	// credentialsFile of the NATS user, as nsc writes it.
	CredentialsFile string `json:"credentialsFile"`
	// caFile vouches for the servers' certificates, as PEM. Empty: the system's authorities.
	CAFile string `json:"caFile"`
	// tls is the operator's own certificate, where the servers ask for one.
	TLS *TLS `json:"tls"`
	// name begins the names of the stream and of the bucket, so that several installations can
	// share a NATS account. Empty: travishook.
	Name string `json:"name"`
	// replicas of the stream in the cluster: 1, 3 or 5. Zero: 3.
	Replicas int `json:"replicas"`
	// adopt has the settings of an existing stream changed to those that this version needs. Else
	// a stream that differs ends the start with a sentence.
	Adopt bool `json:"adopt"`
}

// Delivery is how messages go out.
type Delivery struct {
	// retryFor is how long a message is tried before it is a dead letter.
	RetryFor Duration `json:"retryFor"`
	// allowAddresses are the private networks, as CIDRs, that accounts defined by tenants may
	// be aimed at. Accounts of the cluster-wide TravisDefaults may be aimed anywhere.
	AllowAddresses []netip.Prefix `json:"allowAddresses"`
	// denyAddresses are further networks, as CIDRs, that they may not be aimed at: the
	// cluster's own pods and services, where these have public addresses.
	DenyAddresses []netip.Prefix `json:"denyAddresses"`
}

// Log is how much the operator says, and how.
type Log struct {
	// level is debug, info or error.
	Level string `json:"level"`
	// format is json or console.
	Format string `json:"format"`
}

// Default returns the settings of a file that says nothing.
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
