package server_test

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
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	authentication "k8s.io/client-go/kubernetes/typed/authentication/v1"
	authorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	certificates "k8s.io/client-go/kubernetes/typed/certificates/v1"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/deliveryapi/server"
)

var errAPIServer = errors.New("the API server is unavailable")

// tokenReviews answers each TokenReview with a status.
type tokenReviews struct {
	authentication.TokenReviewInterface
	status authenticationv1.TokenReviewStatus
	err    error
}

func (r tokenReviews) TokenReviews() authentication.TokenReviewInterface { return r }

func (r tokenReviews) Create(_ context.Context, review *authenticationv1.TokenReview, _ metav1.CreateOptions) (*authenticationv1.TokenReview, error) {
	return &authenticationv1.TokenReview{Spec: review.Spec, Status: r.status}, r.err
}

// accessReviews answers each SubjectAccessReview with a status, and keeps what was asked.
type accessReviews struct {
	authorization.SubjectAccessReviewInterface
	status authorizationv1.SubjectAccessReviewStatus
	err    error
	asked  authorizationv1.SubjectAccessReviewSpec
}

func (r *accessReviews) SubjectAccessReviews() authorization.SubjectAccessReviewInterface { return r }

func (r *accessReviews) Create(_ context.Context, review *authorizationv1.SubjectAccessReview, _ metav1.CreateOptions) (*authorizationv1.SubjectAccessReview, error) {
	r.asked = review.Spec
	return &authorizationv1.SubjectAccessReview{Spec: review.Spec, Status: r.status}, r.err
}

// signingRequests has one CertificateSigningRequest.
type signingRequests struct {
	certificates.CertificateSigningRequestInterface
	request *certificatesv1.CertificateSigningRequest
	err     error
}

func (r signingRequests) CertificateSigningRequests() certificates.CertificateSigningRequestInterface {
	return r
}

func (r signingRequests) Get(context.Context, string, metav1.GetOptions) (*certificatesv1.CertificateSigningRequest, error) {
	return r.request, r.err
}

func TestOnlyAValidTokenIsAuthenticated(t *testing.T) {
	ann := authenticationv1.UserInfo{Username: "ann", Groups: []string{"team"}}
	for name, test := range map[string]struct {
		status authenticationv1.TokenReviewStatus
		err    error
		want   error
	}{
		"valid":                 {authenticationv1.TokenReviewStatus{Authenticated: true, User: ann}, nil, nil},
		"invalid":               {authenticationv1.TokenReviewStatus{User: ann}, nil, server.ErrUnauthenticated},
		"of nobody":             {authenticationv1.TokenReviewStatus{Authenticated: true}, nil, server.ErrUnauthenticated},
		"not reviewed, by luck": {authenticationv1.TokenReviewStatus{Authenticated: true, User: ann}, errAPIServer, errAPIServer},
	} {
		user, err := server.Reviews{Tokens: tokenReviews{status: test.status, err: test.err}}.Authenticate(t.Context(), "token")
		if !errors.Is(err, test.want) || (user.Username == "ann") != (test.want == nil) {
			t.Errorf("%s: the user is %q, %v; want %v", name, user.Username, err, test.want)
		}
	}
}

// TestASigningRequestProvesItsRequester to somebody who knows the secret that it has the hash of, for ten minutes.
func TestASigningRequestProvesItsRequester(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	sum := sha256.Sum256([]byte("secret"))
	subject := pemRequest(t, hex.EncodeToString(sum[:]))
	missing := apierrors.NewNotFound(schema.GroupResource{Resource: "certificatesigningrequests"}, "r")
	for name, test := range map[string]struct {
		token  string
		change func(*certificatesv1.CertificateSigningRequest)
		err    error
		want   error
	}{
		"new": {want: nil},
		"nearly too old": {change: func(r *certificatesv1.CertificateSigningRequest) {
			r.CreationTimestamp.Time = now.Add(-10 * time.Minute)
		}},
		"too old": {change: func(r *certificatesv1.CertificateSigningRequest) {
			r.CreationTimestamp.Time = now.Add(-10*time.Minute - 1)
		}, want: server.ErrUnauthenticated},
		"of the future": {change: func(r *certificatesv1.CertificateSigningRequest) {
			r.CreationTimestamp.Time = now.Add(10*time.Minute + 1)
		}, want: server.ErrUnauthenticated},
		"another secret": {token: deliveryapi.IdentityToken("r", "guess"), want: server.ErrUnauthenticated},
		"another signer": {change: func(r *certificatesv1.CertificateSigningRequest) { r.Spec.SignerName = "example.com/other" }, want: server.ErrUnauthenticated},
		"another name":   {change: func(r *certificatesv1.CertificateSigningRequest) { r.Name = "other" }, want: server.ErrUnauthenticated},
		"of nobody":      {change: func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Username = "" }, want: server.ErrUnauthenticated},
		"without PEM":    {change: func(r *certificatesv1.CertificateSigningRequest) { r.Spec.Request = []byte("x") }, want: server.ErrUnauthenticated},
		"without a request": {change: func(r *certificatesv1.CertificateSigningRequest) {
			r.Spec.Request = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: []byte("x")})
		}, want: server.ErrUnauthenticated},
		"missing":                {err: missing, want: server.ErrUnauthenticated},
		"of a name that is none": {err: apierrors.NewBadRequest("no"), want: server.ErrUnauthenticated},
		"not read":               {err: errAPIServer, want: errAPIServer},
	} {
		t.Run(name, func(t *testing.T) {
			request := &certificatesv1.CertificateSigningRequest{
				ObjectMeta: metav1.ObjectMeta{Name: "r", CreationTimestamp: metav1.NewTime(now)},
				Spec: certificatesv1.CertificateSigningRequestSpec{
					SignerName: deliveryapi.IdentitySigner, Request: subject, Username: "ann", UID: "7", Groups: []string{"team"},
					Extra: map[string]certificatesv1.ExtraValue{"scopes": {"read"}},
				},
			}
			if test.change != nil {
				test.change(request)
			}
			if test.token == "" {
				test.token = deliveryapi.IdentityToken("r", "secret")
			}
			reviews := server.Reviews{Requests: signingRequests{request: request, err: test.err}, Now: func() time.Time { return now }}
			user, err := reviews.Authenticate(t.Context(), test.token)
			if !errors.Is(err, test.want) {
				t.Fatalf("the user is %+v, %v; want %v", user, err, test.want)
			}
			want := authenticationv1.UserInfo{}
			if test.want == nil {
				want = authenticationv1.UserInfo{Username: "ann", UID: "7", Groups: []string{"team"}, Extra: map[string]authenticationv1.ExtraValue{"scopes": {"read"}}}
			}
			if diff := cmp.Diff(want, user); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// pemRequest returns a request for a certificate with a common name.
func pemRequest(t *testing.T, commonName string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: commonName}}, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
}

func TestAccessIsReviewedForTheUserAndTheRoute(t *testing.T) {
	for name, test := range map[string]struct {
		status  authorizationv1.SubjectAccessReviewStatus
		err     error
		allowed bool
	}{
		"allowed":            {authorizationv1.SubjectAccessReviewStatus{Allowed: true}, nil, true},
		"no opinion":         {authorizationv1.SubjectAccessReviewStatus{}, nil, false},
		"denied":             {authorizationv1.SubjectAccessReviewStatus{Denied: true}, nil, false},
		"allowed and denied": {authorizationv1.SubjectAccessReviewStatus{Allowed: true, Denied: true}, nil, false},
		"not reviewed":       {authorizationv1.SubjectAccessReviewStatus{Allowed: true}, errAPIServer, false},
	} {
		access := &accessReviews{status: test.status, err: test.err}
		user := authenticationv1.UserInfo{Username: "ann", UID: "7", Groups: []string{"team"}, Extra: map[string]authenticationv1.ExtraValue{"scopes": {"read"}}}
		allowed, err := server.Reviews{Access: access}.Authorize(t.Context(), user, "get", "team-a", "example")
		if allowed != test.allowed || !errors.Is(err, test.err) {
			t.Errorf("%s: allowed is %t, %v; want %t, %v", name, allowed, err, test.allowed, test.err)
		}
		want := authorizationv1.SubjectAccessReviewSpec{
			User: "ann", UID: "7", Groups: []string{"team"}, Extra: map[string]authorizationv1.ExtraValue{"scopes": {"read"}},
			ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: "travishook.dev", Version: "v1alpha1", Resource: "travisroutes", Verb: "get", Namespace: "team-a", Name: "example",
			},
		}
		if diff := cmp.Diff(want, access.asked); diff != "" {
			t.Errorf("%s: what was asked (-want +got):\n%s", name, diff)
		}
	}
}
