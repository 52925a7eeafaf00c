package routing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/suggest"
)

// Account is an account that the operator sends messages with.
type Account struct {
	// Namespace of the TravisDefaults that defines it, and its name there.
	Namespace, Name string
	Service         string
	Config          json.RawMessage   // the account's block
	Credential      notify.Credential // nil if it names no Secret
	// Version changes whenever Config or Credential does; the notifier is then replaced.
	Version string
	// Trusted accounts are defined by the administrator, in the cluster-wide object: address rules do
	// not apply to them.
	Trusted bool
	// KeepsConnection is true if the service stays logged in.
	KeepsConnection bool

	service   *notify.Service // nil if the operator does not support it
	addresses []v1alpha1.Glob // allowed; empty for all
	allowed   *selection      // namespaces other than its own
	secret    string          // name of the Secret, empty if it names none
	problem   *Problem        // why it cannot be used

	destinationKey []byte
}

// Key is the account key: namespace/name if the service keeps a connection, so that one replica sends for
// the account; else empty. See queue.Target.
func (a *Account) Key() string {
	if !a.KeepsConnection {
		return ""
	}
	return a.Namespace + "/" + a.Name
}

// Destination names a channel at the service, by an address that ResolveAddress returned. See
// queue.Target. Where accounts may have the same channel, such as the URL of a webhook, the name is a keyed
// hash of it, which reveals nothing. Accounts of the administrator share none with those of tenants: theirs
// may fail because of the address rules, and a tenant could find out that a URL is the administrator's.
func (a *Account) Destination(address string) string {
	if a.service == nil || a.service.Endpoint == nil {
		return a.Namespace + "/" + a.Name + "/" + address
	}
	parts := append([]string{a.Service, strconv.FormatBool(a.Trusted)}, a.service.Endpoint(a.Config, a.Credential, address)...)
	return a.Service + "/" + hash(a.destinationKey, parts...)
}

// Capable returns what the service can do at an address that ResolveAddress returned.
func (a *Account) Capable(address string) notify.Capabilities {
	if a.service == nil {
		return notify.Capabilities{}
	}
	return a.service.Capable(a.Credential, address)
}

// ResolveAddress returns address as the service normalizes it, if the account may send there. Resolving
// the result again returns the same. The error is a *Problem.
func (a *Account) ResolveAddress(address string) (string, error) {
	resolved, p := a.resolveAddress(address)
	if p != nil {
		return "", p
	}
	return resolved, nil
}

func (a *Account) resolveAddress(address string) (string, *Problem) {
	resolved, err := a.service.Address(a.Config, a.Credential, address)
	shown := resolved
	if err != nil {
		shown = address
	}
	// For an address that is not allowed, the error reveals nothing about the Secret.
	if len(a.addresses) > 0 && !matchesAny(a.addresses, shown) {
		return "", problem(v1alpha1.ReasonAccountNotAllowed,
			"account %q may not send to %q: allowedAddresses in the TravisDefaults of namespace %q are %s",
			a.Name, shown, a.Namespace, quoted(a.addresses))
	}
	if err != nil {
		return "", problem(v1alpha1.ReasonAddressInvalid, "account %q cannot send to the address %q: %v", a.Name, address, err)
	}
	return resolved, nil
}

// compileAccount finds the account's service and credential. If something is wrong, the problem says so.
func (c *Compiler) compileAccount(namespace string, spec *v1alpha1.Account) *Account {
	a := &Account{
		Namespace: namespace,
		Name:      spec.Name,
		Trusted:   namespace == c.config.OperatorNamespace,
		addresses: spec.AllowedAddresses,

		destinationKey: c.config.DestinationKey,
	}
	a.problem = c.fillAccount(a, spec)
	a.Version = version(a)
	return a
}

func (c *Compiler) fillAccount(a *Account, spec *v1alpha1.Account) (p *Problem) {
	if a.allowed, p = selectionOf(spec.AllowedNamespaces); p != nil {
		return problem(p.Reason, "allowedNamespaces of account %q: %s", a.Name, p.Message)
	}
	if a.Service, a.Config, a.secret = block(spec); a.Service == "" {
		return problem(v1alpha1.ReasonAccountInvalid, "account %q needs exactly one service block: one of %s", a.Name, c.serviceNames())
	}
	service, ok := c.config.Services[a.Service]
	if !ok {
		return problem(v1alpha1.ReasonAccountInvalid, "account %q: this operator does not support the service %s, only %s", a.Name, a.Service, c.serviceNames())
	}
	a.service = &service
	a.KeepsConnection = service.KeepsConnection
	if a.Credential, p = c.credential(a, &service); p != nil {
		return p
	}
	if err := CheckAccount(&service, a.Config, a.Credential); err != nil {
		return problem(v1alpha1.ReasonAccountInvalid, "account %q in namespace %q: %v", a.Name, a.Namespace, err)
	}
	return nil
}

// CheckAccount validates an account. An error about a key that the Secret lacks names one that is probably meant by it.
func CheckAccount(service *notify.Service, config json.RawMessage, credential notify.Credential) error {
	err := service.Check(config, credential)
	if err == nil {
		return nil
	}
	known := map[string]bool{}
	for _, k := range service.Keys {
		known[k.Name] = true
	}
	var others []string
	for _, name := range slices.Sorted(maps.Keys(credential)) {
		if !known[name] {
			others = append(others, name)
		}
	}
	for _, k := range service.Keys {
		if _, set := credential[k.Name]; set {
			continue
		}
		if near := suggest.Nearest(k.Name, others); near != "" {
			return fmt.Errorf("%w; the Secret has a key %q: did you mean %q?", err, near, k.Name)
		}
	}
	return err
}

// suggestKey suggests a key of the Secret where an address names one that it does not have.
func (a *Account) suggestKey(address string) string {
	_, err := a.service.Address(a.Config, a.Credential, address)
	if _, ok := errors.AsType[*notify.NoKeyError](err); !ok || len(a.Credential) == 0 {
		return ""
	}
	return "; " + suggest.Sorted(address, slices.Collect(maps.Keys(a.Credential)), "%q")
}

// block finds the account's service block by reflection: its name, its JSON and the Secret that it refers
// to. The name is empty unless there is exactly one.
func block(spec *v1alpha1.Account) (service string, config json.RawMessage, secret string) {
	bare := *spec
	bare.AllowedNamespaces, bare.AllowedAddresses = nil, nil
	whole, err := json.Marshal(bare)
	if err != nil {
		return "", nil, ""
	}
	var blocks map[string]json.RawMessage
	if json.Unmarshal(whole, &blocks) != nil {
		return "", nil, ""
	}
	delete(blocks, "name")
	if len(blocks) != 1 {
		return "", nil, ""
	}
	for service, config = range blocks {
	}
	var refers struct {
		SecretRef v1alpha1.SecretReference `json:"secretRef"`
	}
	if json.Unmarshal(config, &refers) != nil {
		return "", nil, ""
	}
	return service, config, refers.SecretRef.Name
}

// credential returns the credential in the account's Secret.
func (c *Compiler) credential(a *Account, service *notify.Service) (notify.Credential, *Problem) {
	if a.secret == "" {
		if service.SecretOptional {
			return nil, nil
		}
		return nil, problem(v1alpha1.ReasonAccountInvalid, "account %q needs a secretRef: a Secret %s", a.Name, secretKeys(service))
	}
	key := named(a.Namespace, a.secret)
	if held, ok := c.secrets[key]; ok {
		return held.Data, nil
	}
	_, unlabeled := c.unlabeled[key]
	token, isToken := c.tokens[key]
	switch {
	case unlabeled || token.unlabeled:
		return nil, problem(v1alpha1.ReasonSecretNotLabeled,
			"Secret %q in namespace %q needs the label %s=%s to be read: kubectl label secret -n %s %s %[3]s=%s",
			a.secret, a.Namespace, v1alpha1.LabelSecretType, v1alpha1.SecretTypeCredential, a.Namespace, a.secret, v1alpha1.SecretTypeCredential)
	case isToken:
		return nil, problem(v1alpha1.ReasonSecretNotLabeled,
			"Secret %q in namespace %q is labeled %s=%s, and account %q needs one labeled %s",
			a.secret, a.Namespace, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken, a.Name, v1alpha1.SecretTypeCredential)
	}
	return nil, problem(v1alpha1.ReasonSecretNotFound,
		"Secret %q does not exist in namespace %q; create it %s and the label %s=%s",
		a.secret, a.Namespace, secretKeys(service), v1alpha1.LabelSecretType, v1alpha1.SecretTypeCredential)
}

// secretKeys describes the keys of a service's Secret.
func secretKeys(service *notify.Service) string {
	var required, all []string
	for _, k := range service.Keys {
		if k.Shared {
			continue
		}
		all = append(all, fmt.Sprintf("%q", k.Name))
		if k.Required {
			required = append(required, fmt.Sprintf("%q", k.Name))
		}
	}
	switch {
	case len(required) == 1:
		return "with the key " + required[0]
	case len(required) > 1:
		return "with the keys " + strings.Join(required, " and ")
	case len(all) > 0:
		return "with one of the keys " + strings.Join(all, ", ")
	}
	return "with the service's keys"
}

func (c *Compiler) serviceNames() string {
	return strings.Join(slices.Sorted(maps.Keys(c.config.Services)), ", ")
}

// versionKey is the key of versions' hashes, so that a version does not help to guess the credential.
var versionKey = func() []byte {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails: it ends the process instead
	return key
}()

// version returns a hash of the account's content.
func version(a *Account) string {
	parts := []string{a.Service, string(a.Config)}
	for _, key := range slices.Sorted(maps.Keys(a.Credential)) {
		parts = append(parts, key, a.Credential[key].Reveal())
	}
	return hash(versionKey, parts...)
}

// hash returns a keyed hash.
func hash(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write(append(strconv.AppendInt(nil, int64(len(part)), 10), ':'))
		mac.Write([]byte(part))
	}
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

func quoted[S ~string](all []S) string {
	parts := make([]string, len(all))
	for i, s := range all {
		parts[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(parts, ", ")
}
