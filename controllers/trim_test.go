package controllers

import (
	"bytes"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

// A labeled Secret of 1 MB takes a few kB of memory, and keeps the values that are used.
func TestSecretsAreTrimmed(t *testing.T) {
	secret := func(kind string, values map[string][]byte) *corev1.Secret {
		return &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "a", Name: "b", ResourceVersion: "7", Labels: map[string]string{v1alpha1.LabelSecretType: kind, "other": "x"},
				Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": string(make([]byte, 200_000))},
			},
			Data: values,
		}
	}
	large := bytes.Repeat([]byte("x"), 900_000)
	many := map[string][]byte{"password": []byte("s3cret")}
	for i := range 1000 {
		many[fmt.Sprintf("url-%03d", i)] = bytes.Repeat([]byte("u"), 1000)
	}
	for name, test := range map[string]struct {
		secret *corev1.Secret
		keeps  []string
		drops  []string
	}{
		"token":             {secret("token", map[string][]byte{"repository": []byte("a/b"), "token": []byte("t"), "junk": large}), []string{"repository", "token"}, []string{"junk"}},
		"credential":        {secret("credential", map[string][]byte{"url": []byte("https://example.com"), "junk": large}), []string{"url"}, []string{"junk"}},
		"key":               {secret("key", map[string][]byte{"key.pem": bytes.Repeat([]byte("k"), 4000)}), []string{"key.pem"}, nil},
		"many small values": {secret("credential", many), nil, nil},
	} {
		got, err := TrimSecret(test.secret)
		if err != nil {
			t.Fatal(err)
		}
		s := got.(*corev1.Secret)
		size := 0
		for key, value := range s.Data {
			size += len(key) + len(value)
		}
		if size > maxSecret || len(s.Annotations) != 0 || s.ResourceVersion != "7" || len(s.Labels) != 1 || s.Labels[v1alpha1.LabelSecretType] == "" {
			t.Errorf("%s: %d bytes are kept, with the metadata %+v", name, size, s.ObjectMeta)
		}
		for _, key := range test.keeps {
			if s.Data[key] == nil {
				t.Errorf("%s: %s is lost", name, key)
			}
		}
		for _, key := range test.drops {
			if s.Data[key] != nil {
				t.Errorf("%s: %s is kept", name, key)
			}
		}
	}
	if got, err := TrimSecret(&corev1.ConfigMap{}); err != nil || got == nil {
		t.Errorf("another object: %v, %v", got, err)
	}
}
