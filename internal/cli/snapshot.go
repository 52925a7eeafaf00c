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
)

// builtInEvents apply where no defaults list events; the API documents them.
var builtInEvents = []v1alpha1.EventName{"passed", "failure", "fixed", "still_failing"}

// snapshot holds what the routes of a namespace depend on, as far as the caller may read it.
type snapshot struct {
	operatorNamespace string
	own, cluster      *v1alpha1.TravisDefaults // nil where there are none
	tokens            []corev1.Secret
	compiler          *routing.Compiler

	clusterHidden bool                   // the caller may not read the cluster-wide TravisDefaults
	tokensHidden  bool                   // the caller may not read the namespace's Secrets
	offline       bool                   // no cluster was asked
	peopleHidden  []types.NamespacedName // ConfigMaps that the caller may not read
}

// snapshot reads a namespace.
func (e *environment) snapshot(ctx context.Context, c client.Client, namespace string) (*snapshot, error) {
	s := e.emptySnapshot()
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
	s.fillCompiler()
	return s, nil
}

// emptySnapshot is the snapshot of an empty cluster.
func (e *environment) emptySnapshot() *snapshot {
	return &snapshot{operatorNamespace: e.operatorNamespace, compiler: newCompiler(e.operatorNamespace)}
}

func (s *snapshot) fillCompiler() {
	for _, d := range []*v1alpha1.TravisDefaults{s.own, s.cluster} {
		if d != nil {
			s.compiler.PutDefaults(d)
		}
	}
	for i := range s.tokens {
		s.compiler.PutSecret(routing.SecretOf(&s.tokens[i]))
	}
}

// newCompiler returns the operator's compiler without trusted keys, which only the operator knows.
func newCompiler(operatorNamespace string) *routing.Compiler {
	return routing.NewCompiler(routing.Config{
		OperatorNamespace: operatorNamespace,
		Services:          registry.Services,
		CheckMessage: func(m v1alpha1.MessageTemplate) error {
			return render.Check(m.Text, render.Syntax(m.Syntax))
		},
	})
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

// defaultEvents returns the events of a route that lists none, and where they come from. The error says why they are
// unknown.
func (s *snapshot) defaultEvents() (events []v1alpha1.EventName, from string, err error) {
	if s.own != nil && len(s.own.Spec.Events) > 0 {
		return s.own.Spec.Events, "from the TravisDefaults of namespace " + s.own.Namespace, nil
	}
	if s.clusterHidden {
		return nil, "", fmt.Errorf("unknown: you may not read the TravisDefaults of namespace %s", s.operatorNamespace)
	}
	if s.cluster != nil && len(s.cluster.Spec.Events) > 0 {
		return s.cluster.Spec.Events, "from the cluster-wide TravisDefaults", nil
	}
	return builtInEvents, "built in", nil
}

// compile compiles a route against the snapshot.
func (s *snapshot) compile(r *v1alpha1.TravisRoute) routing.Verdict {
	s.compiler.PutRoute(r)
	verdict, _ := s.compiler.Verdict(types.NamespacedName{Namespace: r.Namespace, Name: r.Name})
	return verdict
}

// missing returns what a route's references lack, leaving out what the caller cannot see for sure:
// the caller may not be allowed to read everything, and credentials are not read at all.
func (s *snapshot) missing(v routing.Verdict) (token bool, others []string) {
	if s.offline {
		return false, nil
	}
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
