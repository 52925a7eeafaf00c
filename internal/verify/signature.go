// Package verify decides whether Travis wrote a payload and whether a sender knows a
// repository's token. It is pure: keys come in as values (keysource fetches them).
package verify

import (
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Travis signs with SHA-1 and nothing else
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Why a signature was not accepted.
var (
	// ErrNoKey: no key is known that signs for the repository.
	ErrNoKey = errors.New("no key for the repository")
	// ErrUnsigned: there is no signature.
	ErrUnsigned = errors.New("no signature")
	// ErrMalformed: what should be a signature is not base64 on one line, or is shorter than any key's.
	ErrMalformed = errors.New("malformed signature")
	// ErrMismatch: the signature is not of this payload by any key for the repository.
	ErrMismatch = errors.New("wrong signature")
)

// maxSignature is the length in base64 of a signature by the largest key that is accepted.
const maxSignature = (maxKeyBits/8 + 2) / 3 * 4

// Key is what one Travis signs with.
type Key struct {
	Name   string // where the key came from
	Public *rsa.PublicKey
	// Repositories that the key may sign for; empty for all.
	Repositories Patterns
}

// Keyring is a set of keys that never changes. The nil Keyring is empty.
type Keyring struct{ keys []Key }

// NewKeyring holds keys, in the order in which they are tried.
func NewKeyring(keys ...Key) *Keyring { return &Keyring{keys: keys} }

// Empty reports whether there is no key at all.
func (r *Keyring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Has reports whether some key may sign for the repository.
func (r *Keyring) Has(slug string) bool {
	if r == nil {
		return false
	}
	for i := range r.keys {
		if r.keys[i].signsFor(slug) {
			return true
		}
	}
	return false
}

// NewDigest returns the hash that is signed. The payload's bytes, as the form decoded them, are
// written to it.
func NewDigest() hash.Hash { return sha1.New() } //nolint:gosec // see the import

// Verify checks a signature over the payload's bytes, as the form decoded them. See VerifyDigest.
func (r *Keyring) Verify(slug string, payload []byte, signature string) (key string, err error) {
	parsed, err := ParseSignature(signature)
	if err != nil {
		return "", err
	}
	digest := NewDigest()
	_, _ = digest.Write(payload) // never fails
	return r.VerifyDigest(slug, digest.Sum(nil), parsed)
}

// VerifyDigest checks a signature over the digest of a payload, and returns the name of the key. The slug must be the one inside the
// payload before the result can be relied upon. The error is ErrNoKey or ErrMismatch.
func (r *Keyring) VerifyDigest(slug string, digest []byte, signature Signature) (key string, err error) {
	if !r.Has(slug) {
		return "", ErrNoKey
	}
	for i := range r.keys {
		k := &r.keys[i]
		if k.signsFor(slug) && rsa.VerifyPKCS1v15(k.Public, crypto.SHA1, digest, signature) == nil {
			return k.Name, nil
		}
	}
	return "", ErrMismatch
}

func (k *Key) signsFor(slug string) bool {
	return len(k.Repositories) == 0 || k.Repositories.Match(slug)
}

// Signature is what stands in the Signature header, decoded.
type Signature []byte

// ParseSignature decodes the Signature header. It is strict where encoding/base64 is not: it takes no
// line breaks. The error is ErrUnsigned or ErrMalformed.
func ParseSignature(s string) (Signature, error) {
	if s == "" {
		return nil, ErrUnsigned
	}
	if len(s) > maxSignature || strings.ContainsAny(s, "\r\n") {
		return nil, ErrMalformed
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) < minKeyBits/8 {
		return nil, ErrMalformed
	}
	return raw, nil
}

// CheckPlatform says so where SHA-1 is forbidden, without which no webhook can be verified and the
// first one would end in a panic. It is asked once, at start.
func CheckPlatform() error {
	if fips140.Enforced() {
		return fmt.Errorf("SHA-1 is forbidden here (GODEBUG=fips140=only), and Travis signs with nothing else: use fips140=on, or leave it out")
	}
	return nil
}
