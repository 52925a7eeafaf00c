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
		return nil, errors.New("there is more than one PEM block: configure each key separately")
	}
	key, err := parseBlock(block)
	if err != nil {
		return nil, err
	}
	switch bits := key.N.BitLen(); {
	case bits < minKeyBits:
		return nil, fmt.Errorf("it is an RSA key of %d bits: keys under %d bits can be broken", bits, minKeyBits)
	case bits > maxKeyBits:
		return nil, fmt.Errorf("it is an RSA key of %d bits: keys over %d bits are too slow to verify with", bits, maxKeyBits)
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
		return nil, errors.New("it is a private key: use its public key, and replace the private key, which is no longer secret")
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
