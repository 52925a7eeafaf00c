package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"github.com/travishook/travishook/internal/secret"
)

// Hash is SHA-256 over a proof. It is all that is kept of a token.
type Hash = [sha256.Size]byte

// Proof is what shows that a sender knows the repository's token: hex(SHA-256(slug + token)), as
// TravisHook and Travis before 2016 made it. slug must be spelled as Travis spells it. The result
// is as secret as the token.
func Proof(slug string, token secret.Value) string {
	sum := sha256.Sum256([]byte(slug + token.Reveal()))
	return hex.EncodeToString(sum[:])
}

// HashProof hashes a proof as it arrived.
func HashProof(proof string) Hash { return sha256.Sum256([]byte(proof)) }

// HashToken is the hash of the proof that slug and token make.
func HashToken(slug string, token secret.Value) Hash { return HashProof(Proof(slug, token)) }

// Matches compares in constant time.
func Matches(presented, kept Hash) bool {
	return subtle.ConstantTimeCompare(presented[:], kept[:]) == 1
}
