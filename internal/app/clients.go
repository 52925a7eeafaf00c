package app

import (
	"errors"
	"fmt"

	"k8s.io/client-go/discovery"
	authenticationv1client "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorizationv1client "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificatesv1client "k8s.io/client-go/kubernetes/typed/certificates/v1"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"
)

// clients are the typed clients used outside of the manager's caches. The clientset of all API groups
// would add megabytes to the binary.
type clients struct {
	discovery      discovery.DiscoveryInterface
	authentication authenticationv1client.AuthenticationV1Interface
	authorization  authorizationv1client.AuthorizationV1Interface
	certificates   certificatesv1client.CertificatesV1Interface
	coordination   coordinationv1client.CoordinationV1Interface
}

func newClients(cfg *rest.Config) (c clients, err error) {
	var errs [5]error
	c.discovery, errs[0] = discovery.NewDiscoveryClientForConfig(cfg)
	c.authentication, errs[1] = authenticationv1client.NewForConfig(cfg)
	c.authorization, errs[2] = authorizationv1client.NewForConfig(cfg)
	c.coordination, errs[3] = coordinationv1client.NewForConfig(cfg)
	c.certificates, errs[4] = certificatesv1client.NewForConfig(cfg)
	if err := errors.Join(errs[:]...); err != nil {
		return clients{}, fmt.Errorf("reach the API server: %w", err)
	}
	return c, nil
}
