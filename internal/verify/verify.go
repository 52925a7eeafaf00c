// Package verify checks whether Travis signed a payload and whether a sender knows a repository's token. It
// does no I/O; keysource fetches the keys.
package verify

import (
	"crypto"
	"crypto/fips140"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Travis signs with SHA-1 and nothing else
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"

	"github.com/travishook/travishook/internal/secret"
)

// Why a signature was not accepted.
var (
	// ErrNoKey: no known key may sign for the repository.
	ErrNoKey = errors.New("no key for the repository")
	// ErrUnsigned: there is no signature.
	ErrUnsigned = errors.New("no signature")
	// ErrMalformed: the signature is not base64 on one line, or is shorter than any key's.
	ErrMalformed = errors.New("malformed signature")
	// ErrMismatch: no key for the repository made this signature of the payload.
	ErrMismatch = errors.New("wrong signature")
)

// maxSignature is the length in base64 of a signature by the largest accepted key.
const maxSignature = (maxKeyBits/8 + 2) / 3 * 4

// Key is the key of one Travis.
type Key struct {
	Name   string // the source of the key
	Public *rsa.PublicKey
	// Repositories that the key may sign for; empty for all.
	Repositories Patterns
}

// Keyring is an immutable set of keys. The nil Keyring is empty.
type Keyring struct{ keys []Key }

// NewKeyring returns a Keyring with keys, in the order in which they are tried.
func NewKeyring(keys ...Key) *Keyring { return &Keyring{keys: keys} }

// Empty reports whether there are no keys.
func (r *Keyring) Empty() bool { return r == nil || len(r.keys) == 0 }

// Has reports whether a key may sign for the repository.
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

// NewDigest returns the hash for signatures. The payload's bytes, as decoded from the form, are written to
// it.
func NewDigest() hash.Hash { return sha1.New() } //nolint:gosec // see the import

// VerifyDigest checks a signature over the digest of a payload, and returns the name of the key. The caller
// must also check that slug is the repository in the payload. The error is ErrNoKey or ErrMismatch.
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

// Signature is a decoded Signature header.
type Signature []byte

// ParseSignature decodes the Signature header. Unlike encoding/base64, it accepts no line breaks. The error
// is ErrUnsigned or ErrMalformed.
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

// CheckPlatform returns an error if SHA-1 is forbidden, as in FIPS mode. Without SHA-1 no webhook can be
// verified, and the first one would cause a panic, so it is checked at the start.
func CheckPlatform() error {
	if fips140.Enforced() {
		return fmt.Errorf("SHA-1 is forbidden (GODEBUG=fips140=only), and Travis signs only with SHA-1: use fips140=on, or remove the setting")
	}
	return nil
}

// Hash is the SHA-256 of a proof. It is stored instead of the token.
type Hash = [sha256.Size]byte

// Proof returns the proof that a sender knows the repository's token: hex(SHA-256(slug + token)), as
// TravisHook and Travis before 2016 computed it. slug must be spelled as Travis spells it. The proof is as
// secret as the token.
func Proof(slug string, token secret.Value) string {
	sum := sha256.Sum256([]byte(slug + token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// HashProof hashes a received proof.
func HashProof(proof string) Hash { return sha256.Sum256([]byte(proof)) }

// HashToken returns the hash of the proof for slug and token.
func HashToken(slug string, token secret.Value) Hash { return HashProof(Proof(slug, token)) }

// Matches compares hashes in constant time.
func Matches(presented, kept Hash) bool {
	return subtle.ConstantTimeCompare(presented[:], kept[:]) == 1
}
