package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/recorded"
)

func patterns(t testing.TB, list ...string) verify.Patterns {
	t.Helper()
	p, err := verify.ParsePatterns(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// verifyPayload checks a Signature header as the receiver does.
func verifyPayload(ring *verify.Keyring, slug string, payload []byte, header string) (key string, err error) {
	signature, err := verify.ParseSignature(header)
	if err != nil {
		return "", err
	}
	digest := verify.NewDigest()
	_, _ = digest.Write(payload) // never fails
	return ring.VerifyDigest(slug, digest.Sum(nil), signature)
}

func TestVerify(t *testing.T) {
	mine, other := travistest.Key(), travistest.NewKey()
	payload := []byte(`{"message":"caf\u00e9 <b> & é"}`)
	signature := travistest.Sign(mine, payload)
	ring := verify.NewKeyring(
		verify.Key{Name: "other", Public: &other.PublicKey},
		verify.Key{Name: "mine", Public: &mine.PublicKey, Repositories: patterns(t, "Example/*")},
	)
	tests := map[string]struct {
		slug, payload, signature string
		ring                     *verify.Keyring
		want                     error
	}{
		"right":                           {"example/Example", string(payload), signature, ring, nil},
		"by a key for other repositories": {"else/where", string(payload), signature, ring, verify.ErrMismatch},
		"one byte of payload changed":     {"example/example", string(payload) + " ", signature, ring, verify.ErrMismatch},
		"by an unknown key":               {"example/example", string(payload), travistest.Sign(travistest.NewKey(), payload), ring, verify.ErrMismatch},
		"none":                            {"example/example", string(payload), "", ring, verify.ErrUnsigned},
		"not base64":                      {"example/example", string(payload), "!!", ring, verify.ErrMalformed},
		"base64 with a line break":        {"example/example", string(payload), signature[:76] + "\n" + signature[76:], ring, verify.ErrMalformed},
		"base64 for URLs":                 {"example/example", string(payload), strings.NewReplacer("+", "-", "/", "_").Replace(signature) + "-", ring, verify.ErrMalformed},
		"base64 with loose bits":          {"example/example", string(payload), "AB==", ring, verify.ErrMalformed},
		"too short":                       {"example/example", string(payload), "AAAA", ring, verify.ErrMalformed},
		"too long":                        {"example/example", string(payload), strings.Repeat("A", 4096), ring, verify.ErrMalformed},
		"no key at all":                   {"example/example", string(payload), signature, nil, verify.ErrNoKey},
		"no key for the repository":       {"else/where", string(payload), signature, verify.NewKeyring(verify.Key{Public: &mine.PublicKey, Repositories: patterns(t, "example/*")}), verify.ErrNoKey},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			key, err := verifyPayload(test.ring, test.slug, []byte(test.payload), test.signature)
			if !errors.Is(err, test.want) {
				t.Fatalf("error is %v, want %v", err, test.want)
			}
			if err == nil && key != "mine" {
				t.Errorf("key is %q, want mine", key)
			}
		})
	}
}

// TestVerifyRecorded checks a real signature of travis-ci.org. The payload contains other people's names,
// so it is not part of the project.
func TestVerifyRecorded(t *testing.T) {
	folder := recorded.Folder(t, "signed")
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	signature, _, _ := strings.Cut(read("goneb.sig.b64"), "payload=") // the form follows in the same file
	for file, want := range map[string]error{"travis-ci-org.pub.pem": nil, "travis-ci-com.pub.pem": verify.ErrMismatch} {
		key, err := verify.ParseKey(read(file))
		if err != nil {
			t.Fatal(err)
		}
		ring := verify.NewKeyring(verify.Key{Name: file, Public: key})
		_, err = verifyPayload(ring, "any/any", []byte(read("goneb.payload")), strings.TrimSpace(signature))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", file, err, want)
		}
	}
}

func TestParseKey(t *testing.T) {
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	pkix := func(key any) []byte {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	key := travistest.Key()
	good := travistest.PEM(key)
	// Only the length of a modulus is checked, so that this needs no primes.
	modulus := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1), E: 65537}
	}
	tests := map[string]struct{ text, want string }{
		"as Travis publishes it": {good, ""},
		"as older tools write":   {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&key.PublicKey)), ""},
		"with blank lines":       {"\n" + good + "\n\n", ""},
		"empty":                  {"", "it is not PEM: it must begin with -----BEGIN PUBLIC KEY-----"},
		"a web page":             {"<html>", "it is not PEM: it must begin with -----BEGIN PUBLIC KEY-----"},
		"two keys":               {good + good, "there is more than one PEM block: configure each key separately"},
		"a private key":          {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "it is a private key: use its public key, and replace the private key, which is no longer secret"},
		"a certificate":          {block("CERTIFICATE", []byte("x")), `it is a PEM block of type "CERTIFICATE", not PUBLIC KEY`},
		"of another kind":        {block("PUBLIC KEY", pkix(&curve.PublicKey)), "it is not an RSA key, and Travis signs with RSA"},
		"too short":              {block("PUBLIC KEY", pkix(&weak.PublicKey)), "it is an RSA key of 1024 bits: keys under 2048 bits can be broken"},
		"too long":               {block("PUBLIC KEY", pkix(modulus(8193))), "it is an RSA key of 8193 bits: keys over 8192 bits are too slow to verify with"},
		"rubbish":                {block("PUBLIC KEY", []byte("x")), "the PUBLIC KEY block cannot be read"},
		"older rubbish":          {block("RSA PUBLIC KEY", []byte("x")), "the RSA PUBLIC KEY block cannot be read"},
	}
	for name, test := range tests {
		got, err := verify.ParseKey(test.text)
		switch {
		case test.want == "" && (err != nil || !got.Equal(&key.PublicKey)):
			t.Errorf("%s: %v", name, err)
		case test.want != "" && (err == nil || err.Error() != test.want):
			t.Errorf("%s: error is %v, want %q", name, err, test.want)
		}
	}
}

func TestTheLongestSignature(t *testing.T) {
	longest := base64.StdEncoding.EncodeToString(make([]byte, 8192/8))
	if _, err := verify.ParseSignature(longest); err != nil {
		t.Errorf("a signature by a key of 8192 bits: %v", err)
	}
	if _, err := verify.ParseSignature(base64.StdEncoding.EncodeToString(make([]byte, 8192/8+3))); !errors.Is(err, verify.ErrMalformed) {
		t.Errorf("a longer one: %v", err)
	}
	if !(*verify.Keyring)(nil).Empty() || !verify.NewKeyring().Empty() || verify.NewKeyring(verify.Key{}).Empty() {
		t.Error("a keyring is empty without keys only")
	}
}

func TestProofIsTravisHooks(t *testing.T) {
	// printf %s example/examplesekrit | sha256sum
	const want = "007221b156940cedf0146f918bb5c0a510c036ddaa2982c612b6087d7032ad3c"
	if got := verify.Proof("example/example", secret.New("sekrit")); got != want {
		t.Errorf("proof is %s, want %s", got, want)
	}
	kept := verify.HashToken("example/example", secret.New("sekrit"))
	if !verify.Matches(verify.HashProof(want), kept) {
		t.Error("the right proof does not match")
	}
	for _, wrong := range []string{"", strings.ToUpper(want), want[:63], want + "0", verify.Proof("Example/example", secret.New("sekrit"))} {
		if verify.Matches(verify.HashProof(wrong), kept) {
			t.Errorf("%q matches", wrong)
		}
	}
	for i := range kept {
		other := kept
		if other[i]++; verify.Matches(other, kept) {
			t.Errorf("a hash that differs in byte %d matches", i)
		}
	}
}

func TestPatterns(t *testing.T) {
	ps := patterns(t, "example/*", "*/Website", "a?/b")
	for slug, want := range map[string]bool{
		"example/one": true, "Example/One": true, "other/website": true, "ab/b": true,
		"other/one": false, "example": false, "example/a/b": false, "abc/b": false, "": false,
	} {
		if got := ps.Match(slug); got != want {
			t.Errorf("%q: %v, want %v", slug, got, want)
		}
	}
	if verify.Patterns(nil).Match("example/one") {
		t.Error("no pattern matches something")
	}
	for _, wrong := range []string{"", "*", "example", "a/b/c", "a/[b"} {
		if _, err := verify.ParsePatterns([]string{wrong}); err == nil || !strings.Contains(err.Error(), wrong) {
			t.Errorf("%q: error is %v", wrong, err)
		}
	}
}

// TestCheckPlatform runs a process of its own, because the mode is fixed when a process starts.
func TestCheckPlatform(t *testing.T) {
	if os.Getenv("TRAVISHOOK_CHECK_PLATFORM") != "" {
		if err := verify.CheckPlatform(); err != nil {
			t.Fatal(err)
		}
		return
	}
	for mode, allowed := range map[string]bool{"off": true, "on": true, "only": false} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCheckPlatform$")
		child.Env = append(os.Environ(), "TRAVISHOOK_CHECK_PLATFORM=1", "GODEBUG=fips140="+mode)
		out, err := child.CombinedOutput()
		if (err == nil) != allowed {
			t.Errorf("fips140=%s: %v\n%s", mode, err, out)
		}
		if !allowed && !strings.Contains(string(out), "SHA-1 is forbidden") {
			t.Errorf("fips140=%s does not say why:\n%s", mode, out)
		}
	}
}

func FuzzSignature(f *testing.F) {
	key := travistest.Key()
	payload := []byte("{}")
	ring := verify.NewKeyring(verify.Key{Name: "key", Public: &key.PublicKey})
	right := travistest.Sign(key, payload)
	for _, seed := range []string{right, "", "====", right[:20], right + "\n", "é", strings.Repeat("A", 400)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, signature string) {
		if _, err := verifyPayload(ring, "a/b", payload, signature); (err == nil) != (signature == right) {
			t.Errorf("%q: %v", signature, err)
		}
	})
}
