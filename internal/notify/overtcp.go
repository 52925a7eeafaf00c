package notify

import (
	"encoding/json"
	"slices"
)

// OverTCP adds to a service that uses Deps.Dial what each of its accounts may set for its connections, under the
// same keys as OverHTTP. The proxy is behind Deps.Dial; the certificates are what ParseTLS returns.
func OverTCP(s Service) Service {
	inner := s
	s.Keys = append(slices.Clone(inner.Keys), connectionKeys...)
	s.Check = func(config json.RawMessage, credential Credential) error {
		if _, err := connectionOptions(Options{}, credential); err != nil {
			return err
		}
		return inner.Check(config, credential)
	}
	if inner.Endpoint != nil {
		s.Endpoint = func(config json.RawMessage, credential Credential, address string) []string {
			return append(inner.Endpoint(config, credential, address), connectionEndpoint(credential)...)
		}
	}
	s.New = func(config json.RawMessage, credential Credential, deps Deps) (Notifier, error) {
		dial, err := withProxy(deps, credential)
		if err != nil {
			return nil, err
		}
		deps.Dial = dial
		return inner.New(config, credential, deps)
	}
	return s
}

// withProxy returns the dialer of an account: that of deps, through the account's proxy if it has one. The rules
// of deps apply to the proxy and to the server.
func withProxy(deps Deps, credential Credential) (Dialer, error) {
	own, err := connectionOptions(Options{}, credential)
	if err != nil || own.proxy == nil {
		return deps.Dial, err
	}
	operator, err := optionsOf(deps.HTTP)
	if err != nil {
		return nil, err
	}
	p := &proxyDialer{proxy: own.proxy, dial: deps.Dial, rules: operator.Rules, tls: own.tls()}
	return p.dialContext, nil
}
