package client

import (
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// Service is the Service of the operator's API.
type Service struct {
	Namespace string // travishook-system
	Name      string // travishook-api
	Port      string // the name of its port: api
}

// ThroughCluster connects through the API server's service proxy, with the kubeconfig only: cfg. It
// needs the right to get and create services/proxy of https:NAME:PORT.
func ThroughCluster(cfg *rest.Config, service Service) (*Client, error) {
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("connect to the operator: %w", err)
	}
	base = base.JoinPath("api", "v1", "namespaces", service.Namespace,
		"services", "https:"+service.Name+":"+service.Port, "proxy")
	return newClient(cfg, rest.CopyConfig(cfg), base)
}

// Direct connects to the operator's own URL. ca are the certificate authorities as PEM; empty for the
// system's. The caller is still that of cfg.
func Direct(cfg *rest.Config, operator string, ca []byte) (*Client, error) {
	base, err := url.Parse(operator)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("the operator's URL %q is invalid: write it as https://travishook.example.com:8443", operator)
	}
	direct := rest.CopyConfig(cfg)
	direct.Host, direct.APIPath = operator, ""
	// The cluster's certificates and impersonation are for the API server only.
	direct.TLSClientConfig = rest.TLSClientConfig{CAData: ca}
	direct.Impersonate = rest.ImpersonationConfig{}
	return newClient(cfg, direct, base)
}

// newClient returns a client that connects with reach and identifies as cluster says.
func newClient(cluster, reach *rest.Config, base *url.URL) (*Client, error) {
	who := &identity{config: rest.CopyConfig(cluster)}
	who.config.ContentType, who.config.AcceptContentTypes = "application/json", "application/json"
	impersonates := cluster.Impersonate.UserName != ""
	reach.Timeout = Timeout
	reach.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &authenticate{next: next, identity: who, impersonates: impersonates}
	})
	h, err := rest.HTTPClientFor(reach)
	if err != nil {
		return nil, fmt.Errorf("connect to the operator: %w", err)
	}
	// Never send a token to another address.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: h, base: base, identity: who}, nil
}

// authenticate sets TokenHeader, which the API server's proxy passes on: to the kubeconfig's bearer
// token, wherever that comes from, or else to a proof of identity. A bearer token is that of the
// caller, so impersonation always needs the proof.
type authenticate struct {
	next         http.RoundTripper
	identity     *identity
	impersonates bool
}

// RoundTrip implements http.RoundTripper.
func (t *authenticate) RoundTrip(r *http.Request) (*http.Response, error) {
	header := r.Header.Get("Authorization")
	if header == "" || t.impersonates {
		token, err := t.identity.get(r.Context())
		if err != nil {
			return nil, err
		}
		header = "Bearer " + token
	}
	r = r.Clone(r.Context())
	r.Header.Set(deliveryapi.TokenHeader, header)
	return t.next.RoundTrip(r)
}
