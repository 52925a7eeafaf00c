package notify

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Keys of a Secret for the connections of an account, besides KeyCA.
const (
	// KeyCertificate and KeyCertificateKey are the client's certificate, as PEM, under the keys of a Secret of type
	// kubernetes.io/tls.
	KeyCertificate    = "tls.crt"
	KeyCertificateKey = "tls.key"
	// KeyProxy is the URL of a proxy, with its user and password if it asks for them.
	KeyProxy = "proxy"
)

var connectionKeys = []Key{
	{Name: KeyCA, Shared: true, Doc: "The certificate authorities of the server, as PEM. If omitted, the operator's authorities are used."},
	{Name: KeyCertificate, Shared: true, Doc: "The client's certificate, as PEM, where the server asks for one."},
	{Name: KeyCertificateKey, Shared: true, Doc: "The private key of tls.crt, as PEM."},
	{Name: KeyProxy, Shared: true, Doc: "The proxy as a URL: http, https or socks5, with its user and password if needed."},
}

// OverHTTP adds to a service that uses Deps.HTTP what each of its accounts may set for its connections: the
// certificate authorities, a client certificate, and a proxy. The service does not see these keys.
func OverHTTP(s Service) Service {
	inner := s
	s.Keys = append(slices.Clone(inner.Keys), connectionKeys...)
	s.Check = func(config json.RawMessage, credential Credential) error {
		own, c := split(credential)
		if _, err := connectionOptions(Options{}, c); err != nil {
			return err
		}
		return inner.Check(config, own)
	}
	s.Address = func(config json.RawMessage, credential Credential, address string) (string, error) {
		own, _ := split(credential)
		return inner.Address(config, own, address)
	}
	if inner.Endpoint != nil {
		s.Endpoint = func(config json.RawMessage, credential Credential, address string) []string {
			own, c := split(credential)
			return append(inner.Endpoint(config, own, address), connectionEndpoint(c)...)
		}
	}
	s.New = func(config json.RawMessage, credential Credential, deps Deps) (Notifier, error) {
		own, c := split(credential)
		if len(c) == 0 {
			return inner.New(config, own, deps)
		}
		client, err := withConnection(deps.HTTP, c)
		if err != nil {
			return nil, err
		}
		deps.HTTP = client
		n, err := inner.New(config, own, deps)
		if err != nil {
			return nil, err
		}
		return &ownClient{n, client}, nil
	}
	return s
}

// connectionEndpoint is the part of an Endpoint that an account's connection settings are: an account whose proxy fails
// must not make others back off that send to the same address without it.
func connectionEndpoint(connection Credential) []string {
	var parts []string
	for _, k := range connectionKeys {
		parts = append(parts, strings.TrimSpace(connection[k.Name].Reveal()))
	}
	return parts
}

// ownClient is a notifier with a client of its own.
type ownClient struct {
	Notifier
	client *http.Client
}

// Close implements Notifier.
func (n *ownClient) Close() error {
	err := n.Notifier.Close()
	n.client.CloseIdleConnections()
	return err
}

// split returns the keys of the service and those of its connection, of which there are mostly none. The caller
// must not change them.
func split(credential Credential) (own, connection Credential) {
	own = credential
	for _, k := range connectionKeys {
		value, ok := credential[k.Name]
		if !ok {
			continue
		}
		if connection == nil {
			own, connection = maps.Clone(credential), Credential{}
		}
		connection[k.Name] = value
		delete(own, k.Name)
	}
	return own, connection
}

// withConnection returns a client like base, which NewClient created, with an account's connection settings.
func withConnection(base *http.Client, connection Credential) (*http.Client, error) {
	options, err := optionsOf(base)
	if err != nil {
		return nil, err
	}
	if options, err = connectionOptions(options, connection); err != nil {
		return nil, err
	}
	return NewClient(options), nil
}

// optionsOf returns the options of a client that NewClient created.
func optionsOf(client *http.Client) (Options, error) {
	if client != nil {
		if t, ok := client.Transport.(*transport); ok {
			return t.options, nil
		}
	}
	return Options{}, errors.New("the connection of this account cannot be changed")
}

// HasOwnProxy reports whether the client that a service got in Deps connects through a proxy of its account.
func HasOwnProxy(client *http.Client) bool {
	options, err := optionsOf(client)
	return err == nil && options.proxy != nil
}

// connectionOptions adds an account's connection settings to o. Its errors are for a condition.
func connectionOptions(o Options, connection Credential) (Options, error) {
	roots, err := parseRoots(connection)
	if err != nil {
		return o, err
	}
	if roots != nil {
		o.roots = roots
	}
	if value := strings.TrimSpace(connection[KeyProxy].Reveal()); value != "" {
		if o.proxy, err = parseProxy(value); err != nil {
			return o, err
		}
	}
	certificate, key := connection[KeyCertificate], connection[KeyCertificateKey]
	switch {
	case certificate.Empty() && key.Empty():
		return o, nil
	case certificate.Empty():
		return o, errors.New("the account's Secret has the key tls.key without tls.crt: put the client's certificate there as PEM")
	case key.Empty():
		return o, errors.New("the account's Secret has the key tls.crt without tls.key: put the certificate's private key there as PEM; " +
			"the server's authority belongs under ca.crt")
	}
	pair, err := tls.X509KeyPair([]byte(certificate.Reveal()), []byte(key.Reveal()))
	if err != nil {
		return o, errors.New("the keys tls.crt and tls.key of the account's Secret are not a certificate and its private key, as PEM")
	}
	o.certificate = &pair
	return o, nil
}

func parseProxy(value string) (*url.URL, error) {
	u, err := url.Parse(value)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) {
		return nil, fmt.Errorf("the key %s of the account's Secret is not a proxy: write it as http://proxy.example.com:3128, https:// or socks5://", KeyProxy)
	}
	return u, nil
}
