package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// ErrNoToken comes where a kubeconfig signs in without a token: the operator can't tell from a
// certificate that the API server took who asks.
var ErrNoToken = errors.New("your kubeconfig signs in without a token, and the operator knows people by their token only: " +
	`give one with --token "$(kubectl create token SERVICEACCOUNT)"`)

// Service is the operator's, in the cluster.
type Service struct {
	Namespace string // travishook-system
	Name      string // travishook-api
	Port      string // the name of its port: api
}

// ThroughCluster reaches the operator through the API server's service proxy, which needs nothing
// but the kubeconfig: cfg. It asks for the right to get services/proxy of https:NAME:PORT.
func ThroughCluster(cfg *rest.Config, service Service) (*Client, error) {
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("reach the operator: %w", err)
	}
	base = base.JoinPath("api", "v1", "namespaces", service.Namespace,
		"services", "https:"+service.Name+":"+service.Port, "proxy")
	return of(rest.CopyConfig(cfg), base)
}

// Direct reaches the operator by its own URL. ca are the certificates, as PEM, that vouch for the
// operator's own; empty for the system's. Who asks is still as cfg says.
func Direct(cfg *rest.Config, operator string, ca []byte) (*Client, error) {
	base, err := url.Parse(operator)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil {
		return nil, fmt.Errorf("the operator's URL %q is not one such as https://travishook.example.com:8443", operator)
	}
	direct := rest.CopyConfig(cfg)
	direct.Host, direct.APIPath = operator, ""
	// The cluster's certificates, in both directions, are the cluster's business.
	direct.TLSClientConfig = rest.TLSClientConfig{CAData: ca}
	return of(direct, base)
}

func of(cfg *rest.Config, base *url.URL) (*Client, error) {
	cfg.Timeout = Timeout
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper { return copyToken{next} })
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("reach the operator: %w", err)
	}
	// A token goes where it was meant to go, and nowhere else.
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{http: h, base: base}, nil
}

// copyToken repeats the bearer token, wherever the kubeconfig had it from, in a header that the
// API server's proxy passes on.
type copyToken struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t copyToken) RoundTrip(r *http.Request) (*http.Response, error) {
	token := r.Header.Get("Authorization")
	if token == "" {
		return nil, ErrNoToken
	}
	r = r.Clone(r.Context())
	r.Header.Set(deliveryapi.TokenHeader, token)
	return t.next.RoundTrip(r)
}
