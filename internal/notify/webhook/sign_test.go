package webhook

import (
	"testing"

	"github.com/travishook/travishook/internal/secret"
)

// The vector is the one that the reference libraries of Standard Webhooks test themselves with.
func TestSignatureIsStandardWebhooks(t *testing.T) {
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for _, key := range []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"} {
		keys, err := parseKeys(secret.New(key))
		if err != nil {
			t.Fatal(err)
		}
		if got := sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTwoKeysSignTwice(t *testing.T) {
	const a, b = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	signature := func(key string) string {
		keys, err := parseKeys(secret.New(key))
		if err != nil {
			t.Fatal(err)
		}
		return sign(keys, "id", "1", nil)
	}
	if got, want := signature(a+"\nwhsec_"+b), signature(a)+" "+signature(b); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
