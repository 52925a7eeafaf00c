package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificates "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/deliveryapi"
)

// Reviews is a Cluster that asks an API server.
type Reviews struct {
	// Access has a rate limit of its own, so that invalid tokens slow down nobody who is known.
	Tokens   authentication.TokenReviewsGetter
	Requests certificates.CertificateSigningRequestsGetter
	Access   authorization.SubjectAccessReviewsGetter
	Now      func() time.Time
}

// Authenticate makes a TokenReview, or checks the CertificateSigningRequest that the token refers to.
func (r Reviews) Authenticate(ctx context.Context, token string) (authenticationv1.UserInfo, error) {
	if request, secret, ok := deliveryapi.ParseIdentityToken(token); ok {
		return r.requester(ctx, request, secret)
	}
	review, err := r.Tokens.TokenReviews().Create(ctx,
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{})
	switch {
	case err != nil:
		return authenticationv1.UserInfo{}, fmt.Errorf("review token: %w", err)
	case !review.Status.Authenticated || review.Status.User.Username == "":
		return authenticationv1.UserInfo{}, ErrUnauthenticated
	}
	return review.Status.User, nil
}

// requester returns the user who made a CertificateSigningRequest, as the API server recorded it, if
// secret is the one whose hash the request has.
func (r Reviews) requester(ctx context.Context, name, secret string) (authenticationv1.UserInfo, error) {
	request, err := r.Requests.CertificateSigningRequests().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		return authenticationv1.UserInfo{}, ErrUnauthenticated
	case err != nil:
		return authenticationv1.UserInfo{}, fmt.Errorf("read certificate signing request: %w", err)
	}
	age := r.Now().Sub(request.CreationTimestamp.Time)
	if request.Name != name || request.Spec.SignerName != deliveryapi.IdentitySigner || age > identityFor || age < -identityFor ||
		!hasHash(request, secret) || request.Spec.Username == "" {
		return authenticationv1.UserInfo{}, ErrUnauthenticated
	}
	extra := make(map[string]authenticationv1.ExtraValue, len(request.Spec.Extra))
	for k, v := range request.Spec.Extra {
		extra[k] = authenticationv1.ExtraValue(v)
	}
	return authenticationv1.UserInfo{Username: request.Spec.Username, UID: request.Spec.UID, Groups: request.Spec.Groups, Extra: extra}, nil
}

// hasHash reports whether the subject of a request is the hash of secret.
func hasHash(request *certificatesv1.CertificateSigningRequest, secret string) bool {
	block, _ := pem.Decode(request.Spec.Request)
	if block == nil {
		return false
	}
	parsed, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare([]byte(parsed.Subject.CommonName), []byte(hex.EncodeToString(sum[:]))) == 1
}

// Authorize makes a SubjectAccessReview.
func (r Reviews) Authorize(ctx context.Context, user authenticationv1.UserInfo, verb, namespace, route string) (bool, error) {
	extra := make(map[string]authorizationv1.ExtraValue, len(user.Extra))
	for k, v := range user.Extra {
		extra[k] = authorizationv1.ExtraValue(v)
	}
	review, err := r.Access.SubjectAccessReviews().Create(ctx, &authorizationv1.SubjectAccessReview{
		Spec: authorizationv1.SubjectAccessReviewSpec{
			User: user.Username, UID: user.UID, Groups: user.Groups, Extra: extra,
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: v1alpha1.GroupVersion.Group, Version: v1alpha1.GroupVersion.Version, Resource: "travisroutes",
				Verb: verb, Namespace: namespace, Name: route,
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("review access: %w", err)
	}
	return review.Status.Allowed && !review.Status.Denied, nil
}
