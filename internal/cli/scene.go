package cli

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify/registry"
	"github.com/travishook/travishook/internal/render"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
)

// builtInEvents are those of a route where nothing says otherwise, as the API documents them.
var builtInEvents = []v1alpha1.EventName{"passed", "failure", "fixed", "still_failing"}

// scene is what surrounds the routes of a namespace, as far as the caller may see it.
type scene struct {
	operatorNamespace string
	own, cluster      *v1alpha1.TravisDefaults // nil where there are none
	tokens            []corev1.Secret
	compiler          *routing.Compiler

	clusterHidden bool // the caller may not see the cluster's defaults
	tokensHidden  bool // the caller may not see the namespace's Secrets
}

// look reads the scene of a namespace.
func (e *environment) look(ctx context.Context, c client.Client, namespace string) (*scene, error) {
	s := &scene{operatorNamespace: e.operatorNamespace, compiler: newCompiler(e.operatorNamespace)}
	var err error
	if s.own, err = readDefaults(ctx, c, namespace); err != nil {
		return nil, err
	}
	if s.cluster, err = readDefaults(ctx, c, e.operatorNamespace); apierrors.IsForbidden(err) {
		s.clusterHidden = true
	} else if err != nil {
		return nil, err
	}
	if s.tokens, err = readTokens(ctx, c, namespace); apierrors.IsForbidden(err) {
		s.tokensHidden = true
	} else if err != nil {
		return nil, err
	}
	var ns corev1.Namespace
	err = c.Get(ctx, types.NamespacedName{Name: namespace}, &ns)
	switch {
	case err == nil:
		s.compiler.PutNamespace(namespace, ns.Labels)
	case !apierrors.IsForbidden(err) && !apierrors.IsNotFound(err):
		return nil, err
	}
	s.fill()
	return s, nil
}

func (s *scene) fill() {
	for _, d := range []*v1alpha1.TravisDefaults{s.own, s.cluster} {
		if d != nil {
			s.compiler.PutDefaults(d)
		}
	}
	for i := range s.tokens {
		s.compiler.PutSecret(routingSecret(&s.tokens[i]))
	}
}

// newCompiler is the operator's own, told nothing of keys: those are the operator's business.
func newCompiler(operatorNamespace string) *routing.Compiler {
	return routing.NewCompiler(routing.Config{
		OperatorNamespace: operatorNamespace,
		Services:          registry.Services,
		CheckMessage: func(m v1alpha1.MessageTemplate) error {
			t, err := render.Compile(m.Text, render.Syntax(m.Syntax))
			if err != nil {
				return err
			}
			return t.Check()
		},
	})
}

func routingSecret(s *corev1.Secret) routing.Secret {
	data := make(map[string]secret.Value, len(s.Data))
	for key, value := range s.Data {
		data[key] = secret.New(string(value))
	}
	return routing.Secret{Namespace: s.Namespace, Name: s.Name, Type: s.Labels[v1alpha1.LabelSecretType], Data: data}
}

func readDefaults(ctx context.Context, c client.Client, namespace string) (*v1alpha1.TravisDefaults, error) {
	var d v1alpha1.TravisDefaults
	err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: v1alpha1.DefaultsName}, &d)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &d, nil
}

func readTokens(ctx context.Context, c client.Client, namespace string) ([]corev1.Secret, error) {
	var list corev1.SecretList
	err := c.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabels{v1alpha1.LabelSecretType: v1alpha1.SecretTypeToken})
	return list.Items, err
}

// defaultEvents are those of this moment for a route that lists none, with where they come from.
func (s *scene) defaultEvents() (events []v1alpha1.EventName, from string, err error) {
	if s.own != nil && len(s.own.Spec.Events) > 0 {
		return s.own.Spec.Events, "of namespace " + s.own.Namespace, nil
	}
	if s.clusterHidden {
		return nil, "", fmt.Errorf("the defaults of this moment cannot be told, as you may not read the TravisDefaults of namespace %s: "+
			"name the events, or leave them to the operator with --follow-defaults", s.operatorNamespace)
	}
	if s.cluster != nil && len(s.cluster.Spec.Events) > 0 {
		return s.cluster.Spec.Events, "of the cluster", nil
	}
	return builtInEvents, "built in", nil
}

// judge compiles a route in its scene.
func (s *scene) judge(r *v1alpha1.TravisRoute) routing.Verdict {
	s.compiler.PutRoute(r)
	verdict, _ := s.compiler.Verdict(types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
	return verdict
}

// missing tells, of a verdict, what the caller can see is missing: the caller may have been shown
// only a part, and credentials are not looked at.
func (s *scene) missing(v routing.Verdict) (token bool, others []string) {
	for _, p := range v.Unresolved {
		switch p.Reason {
		case v1alpha1.ReasonTokenNotFound:
			token = !s.tokensHidden && !s.clusterHidden
		case v1alpha1.ReasonAccountNotFound, v1alpha1.ReasonAccountNotAllowed:
			if !s.clusterHidden && !slices.Contains(others, p.Message) {
				others = append(others, p.Message)
			}
		}
	}
	return token, others
}
