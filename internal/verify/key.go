package verify

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// The accepted key sizes. Travis' keys have 2048 bits; shorter ones can be broken, and verifying with
// longer ones takes too much time for a stranger's request.
const (
	minKeyBits = 2048
	maxKeyBits = 8192
)

// ParseKey reads one RSA public key from PEM, as Travis publishes it ("PUBLIC KEY") or as older tools write
// it ("RSA PUBLIC KEY"). The error says what the text is instead.
func ParseKey(text string) (*rsa.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("it is not PEM: it must begin with -----BEGIN PUBLIC KEY-----")
	}
	if strings.TrimSpace(string(rest)) != "" {
		return nil, errors.New("there is something else beside the first PEM block: give each key by itself")
	}
	key, err := parseBlock(block)
	if err != nil {
		return nil, err
	}
	switch bits := key.N.BitLen(); {
	case bits < minKeyBits:
		return nil, fmt.Errorf("it is an RSA key of %d bits: fewer than %d can be forged", bits, minKeyBits)
	case bits > maxKeyBits:
		return nil, fmt.Errorf("it is an RSA key of %d bits: more than %d are too slow to check", bits, maxKeyBits)
	}
	return key, nil
}

func parseBlock(block *pem.Block) (*rsa.PublicKey, error) {
	switch {
	case block.Type == "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, errors.New("the RSA PUBLIC KEY block cannot be read")
		}
		return key, nil
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, errors.New("it is a private key: give its public half, and take the private one back")
	case block.Type != "PUBLIC KEY":
		return nil, fmt.Errorf("it is a PEM block of type %.40q, not PUBLIC KEY", block.Type)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the PUBLIC KEY block cannot be read")
	}
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("it is not an RSA key, and Travis signs with RSA")
	}
	return key, nil
}
