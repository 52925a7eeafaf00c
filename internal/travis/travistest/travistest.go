// Package travistest makes webhooks as Travis does, for tests and the demo.
package travistest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // what Travis signs with
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/url"
	"sync"
)

// Key is a signing key of 2048 bits, made once per process.
var Key = sync.OnceValue(NewKey)

// NewKey makes a new signing key.
func NewKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the system has no randomness
	}
	return key
}

// PEM returns the public key as Travis publishes it.
func PEM(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err) // an RSA key always marshals
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// Sign returns the Signature header of a payload.
func Sign(key *rsa.PrivateKey, payload []byte) string {
	digest := sha1.Sum(payload)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA1, digest[:])
	if err != nil {
		panic(err) // a key of NewKey always signs
	}
	return base64.StdEncoding.EncodeToString(signature)
}

// Form returns the form with a payload.
func Form(payload []byte) []byte {
	return []byte("payload=" + url.QueryEscape(string(payload)))
}

// Request returns Travis' request to target about b. It is signed unless key is nil. It panics if target is
// not a URL.
func Request(ctx context.Context, target string, b Build, key *rsa.PrivateKey) *http.Request {
	payload := b.Payload()
	r := Post(ctx, target, Form(payload))
	r.Header.Set("Travis-Repo-Slug", b.Slug())
	if key != nil {
		r.Header.Set("Signature", Sign(key, payload))
	}
	return r
}

// Post returns a request with a form body and Travis' usual headers, without slug and signature.
func Post(ctx context.Context, target string, body []byte) *http.Request {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "Travis CI Notifications")
	r.Header.Set("Accept", "*/*")
	return r
}
