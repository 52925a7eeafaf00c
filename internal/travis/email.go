package travis

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// HashEmail returns the SHA-256 of an e-mail address in lower case, as 64 hexadecimal digits. It is kept
// instead of the address. Empty if address is not one.
func HashEmail(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	name, host, ok := strings.Cut(address, "@")
	if !ok || name == "" || host == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(address))
	return hex.EncodeToString(sum[:])
}
