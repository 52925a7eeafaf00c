package controllers

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

const (
	// maxSecretValue and maxSecret limit the bytes of a Secret that are kept in memory. Tokens, passwords,
	// keys and URLs are far smaller, while a Secret may have 1 MiB.
	maxSecretValue = 16 << 10
	maxSecret      = 64 << 10
)

// TrimSecret reduces a Secret in the cache to what is used: its name, its label, and the values that may be
// a token, a credential or a key. A value beyond the bounds is dropped and counts as missing.
func TrimSecret(obj any) (any, error) {
	s, ok := obj.(*corev1.Secret)
	if !ok {
		return obj, nil
	}
	kind := s.Labels[v1alpha1.LabelSecretType]
	s.ManagedFields, s.Annotations, s.OwnerReferences, s.Finalizers, s.StringData = nil, nil, nil, nil, nil
	s.Labels = map[string]string{v1alpha1.LabelSecretType: kind}
	left := maxSecret
	data := make(map[string][]byte, min(len(s.Data), 64))
	for key, value := range s.Data {
		wanted := kind != v1alpha1.SecretTypeToken || key == "repository" || key == "token"
		if size := len(key) + len(value); wanted && len(value) <= maxSecretValue && size <= left {
			left -= size
			data[strings.Clone(key)] = append([]byte(nil), value...)
		}
	}
	s.Data = data
	return s, nil
}
