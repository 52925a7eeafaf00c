package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
)

// checkUnlabeled finds a token Secret that only lacks its label, so that no second one is created.
func (v *tokenCommand) checkUnlabeled(ctx context.Context, c client.Client, namespace, repository string) error {
	var list corev1.SecretList
	err := c.List(ctx, &list, client.InNamespace(namespace), client.MatchingFields{"type": string(corev1.SecretTypeOpaque)})
	if apierrors.IsForbidden(err) {
		return nil
	}
	for i := range list.Items {
		s := &list.Items[i]
		if _, labeled := s.Labels[v1alpha1.LabelSecretType]; !labeled && isTokenOf(s, repository) && len(s.Data["token"]) > 0 {
			return fmt.Errorf("the Secret %s has a token of %s but not the label that the operator looks for: kubectl label secret -n %s %[1]s %[4]s=%[5]s",
				s.Name, repository, namespace, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken)
		}
	}
	return err
}

// createSecret creates s under the first name that is free.
func (v *tokenCommand) createSecret(ctx context.Context, c client.Client, s *corev1.Secret, tokens []corev1.Secret) error {
	base := objectName("travis token", tokenRepository(s))
	for n := 1; ; n++ {
		if s.Name = base; n > 1 {
			s.Name = fmt.Sprintf("%s-%d", base, n)
		}
		if slices.ContainsFunc(tokens, func(o corev1.Secret) bool { return o.Name == s.Name }) {
			continue
		}
		err := v.writer.create(ctx, c, s)
		if !apierrors.IsAlreadyExists(err) || n > maxTokens {
			return err
		}
	}
}

// maxTokens bounds the search for a free name.
const maxTokens = 100

// tokenSecret returns a Secret as the operator reads it.
func tokenSecret(namespace, name, repository string, token secret.Value) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name,
			Labels: map[string]string{v1alpha1.LabelSecretType: v1alpha1.SecretTypeToken, labelManagedBy: manager},
		},
		Data: map[string][]byte{"repository": []byte(repository), "token": []byte(token.Reveal())},
	}
}

// isTokenOf reports whether a Secret has a token of the repository.
func isTokenOf(s *corev1.Secret, repository string) bool {
	return strings.EqualFold(tokenRepository(s), repository)
}

func tokenRepository(s *corev1.Secret) string {
	return secret.New(string(s.Data["repository"])).WithoutNewline().Reveal()
}

func tokenOf(s *corev1.Secret) string {
	return secret.New(string(s.Data["token"])).WithoutNewline().Reveal()
}

func secretNames(secrets []corev1.Secret) string {
	all := make([]string, len(secrets))
	for i := range secrets {
		all[i] = secrets[i].Name
	}
	return strings.Join(all, ", ")
}
