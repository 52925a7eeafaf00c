package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// findUnlabeled checks whether missing Secrets exist without the label, so that the status can say how to fix
// them. No watch reports such a Secret, so the check is repeated.
func (w *StatusWriter) findUnlabeled(ctx context.Context, namespace string, names []string) (time.Duration, error) {
	if len(names) == 0 {
		return 0, nil
	}
	for _, name := range names {
		key := types.NamespacedName{Namespace: namespace, Name: name}
		found := &metav1.PartialObjectMetadata{}
		found.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		of := observed{kindSecret, namespace, name, v1alpha1.SecretTypeCredential}
		err := w.Live.Get(ctx, key, found)
		switch {
		case apierrors.IsNotFound(err):
			w.observations.forget(secretsOf(namespace), func(other observed) bool { return other == of })
		case err != nil:
			return 0, fmt.Errorf("look for Secret %s: %w", key, err)
		case !labeled(found):
			w.observations.put(of, "", time.Now())
		}
	}
	w.applyUnlabeled(namespace)
	return resyncInterval, nil
}

// labeled reports whether the watch selects the Secret.
func labeled(s *metav1.PartialObjectMetadata) bool {
	t := s.Labels[v1alpha1.LabelSecretType]
	return t == v1alpha1.SecretTypeToken || t == v1alpha1.SecretTypeCredential
}

const (
	// lookForTokensInterval is the least time between two looks for token Secrets in a namespace.
	lookForTokensInterval = 30 * time.Second
	// maxMetadata is how many Secrets of a namespace are looked at.
	maxMetadata = 500
)

// findUnlabeledTokens looks for Secrets in a namespace that have the keys of a token and lack the label. It reads
// metadata only: who set which field is part of it.
func (w *StatusWriter) findUnlabeledTokens(ctx context.Context, namespace string) error {
	if w.lookedForTokens == nil {
		w.lookedForTokens = map[string]time.Time{}
	}
	now := time.Now()
	if now.Sub(w.lookedForTokens[namespace]) < lookForTokensInterval {
		return nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	if err := w.Live.List(ctx, list, client.InNamespace(namespace), client.Limit(maxMetadata)); err != nil {
		return fmt.Errorf("look for token Secrets in namespace %s: %w", namespace, err)
	}
	w.lookedForTokens[namespace] = now
	unlabeled := map[observed]bool{}
	for i := range list.Items {
		s := &list.Items[i]
		if _, labeled := s.Labels[v1alpha1.LabelSecretType]; !labeled && hasTokenKeys(s) {
			of := observed{kindSecret, namespace, s.Name, v1alpha1.SecretTypeToken}
			w.observations.put(of, "", now)
			unlabeled[of] = true
		}
	}
	w.observations.forget(secretsOf(namespace), func(of observed) bool { return of.Reason == v1alpha1.SecretTypeToken && !unlabeled[of] })
	w.applyUnlabeled(namespace)
	return nil
}

// applyUnlabeled passes on to the compiler which Secrets of a namespace lack their label.
func (w *StatusWriter) applyUnlabeled(namespace string) {
	var tokens []string
	for of, unlabeled := range w.observations.unlabeled(namespace) {
		key := types.NamespacedName{Namespace: namespace, Name: of.Name}
		switch {
		case of.Reason == v1alpha1.SecretTypeToken && unlabeled:
			tokens = append(tokens, of.Name)
		case of.Reason == v1alpha1.SecretTypeToken:
		case unlabeled:
			w.Compiler.PutUnlabeled(key)
		default:
			w.Compiler.DeleteUnlabeled(key)
		}
	}
	w.Compiler.SetUnlabeledTokens(namespace, tokens)
}

// hasTokenKeys reports whether the keys of a token were set.
func hasTokenKeys(s *metav1.PartialObjectMetadata) bool {
	keys := map[string]json.RawMessage{}
	for _, m := range s.ManagedFields {
		var set struct {
			Data       map[string]json.RawMessage `json:"f:data"`
			StringData map[string]json.RawMessage `json:"f:stringData"`
		}
		if m.FieldsV1 != nil && json.Unmarshal(m.FieldsV1.GetRawBytes(), &set) == nil {
			maps.Copy(keys, set.Data)
			maps.Copy(keys, set.StringData)
		}
	}
	return keys["f:repository"] != nil && keys["f:token"] != nil
}
