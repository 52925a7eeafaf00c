package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/travishook/travishook/internal/secret"
)

// signingKey is the decoded key. Standard Webhooks asks for 24 to 64 bytes.
type signingKey []byte

const minKey, maxKey = 24, 64

var errKey = errors.New("the key hmacKey of the account's Secret is not base64 of 24 to 64 bytes: " +
	"make one with openssl rand -base64 32")

// keyPrefix begins a key as Standard Webhooks writes it.
const keyPrefix = "whsec_"

// parseKeys parses hmacKey as the reference libraries of Standard Webhooks do. Without a key, requests
// are not signed.
func parseKeys(value secret.Value) ([]signingKey, error) {
	if value.Empty() {
		return nil, nil
	}
	var keys []signingKey
	for text := range strings.FieldsSeq(value.Reveal()) {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, keyPrefix))
		if err != nil || len(key) < minKey || len(key) > maxKey {
			return nil, errKey
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errKey // white space only
	}
	return keys, nil
}

// sign returns the header webhook-signature: one signature for each key, so that a receiver with either
// of two keys accepts it. The timestamp is the attempt's, in seconds since 1970.
func sign(keys []signingKey, id, timestamp string, body []byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
