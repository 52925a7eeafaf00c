package deliveryapi

import "strings"

// IdentitySigner is the signer name of the CertificateSigningRequests that prove a caller's identity.
// Nobody approves or signs them.
const IdentitySigner = "travishook.dev/identity"

// identityPrefix begins a token that refers to a CertificateSigningRequest. No token of Kubernetes
// begins like that.
const identityPrefix = "travishook-csr."

// IdentityToken returns the token for a CertificateSigningRequest and the secret whose hash it has.
func IdentityToken(request, secret string) string { return identityPrefix + secret + "." + request }

// ParseIdentityToken returns what IdentityToken was made of.
func ParseIdentityToken(token string) (request, secret string, ok bool) {
	rest, ok := strings.CutPrefix(token, identityPrefix)
	if !ok {
		return "", "", false
	}
	secret, request, ok = strings.Cut(rest, ".")
	return request, secret, ok && request != "" && secret != ""
}
