package nats

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// Guard is the authentication of a cluster: clients need a certificate and a user of one of its accounts. The
// accounts are created at the start; users and certificates may be added later.
type Guard struct {
	// CA is the file of the authority of the servers' certificates.
	CA string

	folder   string
	operator nkeys.KeyPair
	accounts map[Account]nkeys.KeyPair
	own      string // files of the suite's own user
}

// Account is one of a guarded cluster.
type Account string

const (
	// Roomy has no limits; other streams use it as well.
	Roomy Account = "roomy"
	// Small is limited to a mebibyte.
	Small Account = "small"
	// Bare has no JetStream.
	Bare Account = "bare"

	system Account = "system"
)

// NewGuard returns a Guard with its files in folder, for a new cluster.
func NewGuard(folder string) (g *Guard, err error) {
	g = &Guard{
		CA: filepath.Join(folder, "ca.crt"), folder: folder,
		accounts: map[Account]nkeys.KeyPair{}, own: filepath.Join(folder, "own"),
	}
	if g.operator, err = nkeys.CreateOperator(); err != nil {
		return nil, fmt.Errorf("guard the cluster: %w", err)
	}
	for _, a := range []Account{Roomy, Small, Bare, system} {
		if g.accounts[a], err = nkeys.CreateAccount(); err != nil {
			return nil, fmt.Errorf("guard the cluster: %w", err)
		}
	}
	if err := g.Renew(); err != nil {
		return nil, err
	}
	return g, g.AddUser(g.own+".creds", Roomy, nil, nil, time.Time{})
}

// Renew replaces the authority, and the certificates of the servers and of the suite itself; running servers
// use them after Reload.
func (g *Guard) Renew() error {
	a, err := newAuthority()
	if err == nil {
		err = replace(g.CA, a.certificate)
	}
	if err == nil {
		err = a.certify(filepath.Join(g.folder, "server"))
	}
	if err == nil {
		err = a.certify(g.own)
	}
	if err != nil {
		return fmt.Errorf("renew certificates: %w", err)
	}
	return nil
}

// Client returns the files of a valid client certificate and its key.
func (g *Guard) Client() (certificate, key string) { return g.own + ".crt", g.own + ".key" }

// AddUser writes the credentials of a new user to a file, as nsc does. The user may publish and subscribe to
// those subjects, or to all if there are none. The credentials expire at until, or never if it is zero.
func (g *Guard) AddUser(file string, account Account, publish, subscribe []string, until time.Time) error {
	user, err := nkeys.CreateUser()
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	name, err := user.PublicKey()
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	claims := jwt.NewUserClaims(name)
	claims.Pub.Allow.Add(publish...)
	claims.Sub.Allow.Add(subscribe...)
	if !until.IsZero() {
		claims.Expires = until.Unix()
	}
	text, err := claims.Encode(g.accounts[account])
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	seed, err := user.Seed()
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	credentials, err := jwt.FormatUserConfig(text, seed)
	if err != nil {
		return fmt.Errorf("add a user: %w", err)
	}
	return replace(file, credentials)
}

// replace replaces a file atomically, as a Secret's volume does.
func replace(file string, content []byte) error {
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// keys returns the suite's own credentials for the servers.
func (g *Guard) keys() []nats.Option {
	if g == nil {
		return nil
	}
	return []nats.Option{nats.RootCAs(g.CA), nats.ClientCert(g.Client()), nats.UserCredentials(g.own + ".creds")}
}

// configuration returns the part of the servers' files about authentication.
func (g *Guard) configuration() (string, error) {
	if g == nil {
		return "", nil
	}
	operator, err := g.name(g.operator)
	if err != nil {
		return "", err
	}
	systemName, err := g.name(g.accounts[system])
	if err != nil {
		return "", err
	}
	claims, err := jwt.NewOperatorClaims(operator).Encode(g.operator)
	if err != nil {
		return "", fmt.Errorf("guard the cluster: %w", err)
	}
	var accounts strings.Builder
	for a, keys := range g.accounts {
		name, err := g.name(keys)
		if err != nil {
			return "", err
		}
		claims := jwt.NewAccountClaims(name)
		claims.Limits.JetStreamLimits = limits[a]
		text, err := claims.Encode(g.operator)
		if err != nil {
			return "", fmt.Errorf("guard the cluster: %w", err)
		}
		fmt.Fprintf(&accounts, "%s: %s\n", name, text)
	}
	server := filepath.Join(g.folder, "server")
	return fmt.Sprintf(`tls { cert_file: %q, key_file: %q, ca_file: %q, verify: true }
operator: %s
system_account: %s
resolver: MEMORY
resolver_preload { %s }
`, server+".crt", server+".key", g.CA, claims, systemName, accounts.String()), nil
}

func (g *Guard) name(keys nkeys.KeyPair) (string, error) {
	name, err := keys.PublicKey()
	if err != nil {
		return "", fmt.Errorf("guard the cluster: %w", err)
	}
	return name, nil
}

// limits of the accounts. Roomy may use memory, too, for the suite's own streams.
var limits = map[Account]jwt.JetStreamLimits{
	Roomy: {DiskStorage: jwt.NoLimit, MemoryStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit},
	Small: {DiskStorage: 1 << 20, Streams: jwt.NoLimit, Consumer: jwt.NoLimit},
}
