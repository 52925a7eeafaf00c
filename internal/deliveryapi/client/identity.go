package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"sync"
	"time"

	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certificates "k8s.io/client-go/kubernetes/typed/certificates/v1"
	"k8s.io/client-go/rest"

	"github.com/travishook/travishook/internal/deliveryapi"
)

// identity proves who the caller is without a bearer token. The API server writes the caller's user
// name and groups into every CertificateSigningRequest, and nobody can change them. The request names
// the hash of a secret; whoever knows the secret made the request. No certificate is ever issued.
type identity struct {
	config *rest.Config

	mu    sync.Mutex
	name  string // of the request, once it is made
	token string
}

// get returns the token that refers to the request, which is made on first use.
func (i *identity) get(ctx context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.token != "" {
		return i.token, nil
	}
	client, err := certificates.NewForConfig(i.config)
	if err != nil {
		return "", fmt.Errorf("prove your identity: %w", err)
	}
	secret := rand.Text() + rand.Text()
	request, err := signingRequest(secret)
	if err != nil {
		return "", fmt.Errorf("prove your identity: %w", err)
	}
	created, err := client.CertificateSigningRequests().Create(ctx, request, metav1.CreateOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return "", &NoIdentityError{As: i.config.Impersonate.UserName, cause: err}
	case err != nil:
		return "", fmt.Errorf("prove your identity: %w", err)
	}
	i.name, i.token = created.Name, deliveryapi.IdentityToken(created.Name, secret)
	return i.token, nil
}

// NoIdentityError is returned to a caller who has no bearer token, or uses --as, and may not make the request.
type NoIdentityError struct {
	As    string // the user of --as; may be empty
	cause error
}

// Error implements error.
func (e *NoIdentityError) Error() string {
	if e.As != "" {
		return fmt.Sprintf("--as needs a proof of identity, and you may not make one as %q: %v; "+
			"api.subjects of the operator's chart lists who may create certificatesigningrequests", e.As, e.cause)
	}
	return "your kubeconfig has no bearer token, and you may not create certificatesigningrequests, which would prove your identity: " +
		"use --token, or ask the administrator to add you to api.subjects of the operator's chart"
}

// signingRequest returns a request that names the hash of secret as its subject.
func signingRequest(secret string) (*certificatesv1.CertificateSigningRequest, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(secret))
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: hex.EncodeToString(sum[:])},
	}, key)
	if err != nil {
		return nil, err
	}
	return &certificatesv1.CertificateSigningRequest{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "travishook-"},
		Spec: certificatesv1.CertificateSigningRequestSpec{
			Request:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
			SignerName: deliveryapi.IdentitySigner,
			Usages:     []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth},
		},
	}, nil
}

// cleanupTimeout bounds the deletion of the request.
const cleanupTimeout = 5 * time.Second

// delete deletes the request. Without the right to, the cluster's cleaner does within a day.
func (i *identity) delete(ctx context.Context) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.name == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if client, err := certificates.NewForConfig(i.config); err == nil {
		_ = client.CertificateSigningRequests().Delete(ctx, i.name, metav1.DeleteOptions{})
	}
	i.name, i.token = "", ""
}
