package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/travishook/travishook/internal/secret"
)

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
