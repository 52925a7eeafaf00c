package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilversion "k8s.io/apimachinery/pkg/util/version"

	"github.com/travishook/travishook/api/v1alpha1"
)

// apiRetry is the time between two requests to an API server that does not answer.
const apiRetry = 2 * time.Second

// clusterCheck reports, in a sentence, which prerequisite the cluster lacks.
type clusterCheck struct {
	client clients
	scope  scope
	log    logr.Logger
}

// atStart returns an error if something is missing that only a person can provide. An API server that
// does not answer is not an error: it is retried later, while webhooks are received.
func (c clusterCheck) atStart(ctx context.Context) (answered bool, err error) {
	err = c.once(ctx)
	var missing missingError
	if err == nil || errors.As(err, &missing) {
		return true, err
	}
	c.log.Info("the API server does not answer; webhooks are matched with the last routing table, if there is one", "reason", err.Error())
	return false, nil
}

// later repeats the check until the API server answers. The manager runs it, so its error stops the
// operator.
func (c clusterCheck) later(ctx context.Context) error {
	tick := time.NewTicker(apiRetry)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := c.once(ctx)
		var missing missingError
		switch {
		case err == nil:
			c.log.Info("the API server answers again")
			return nil
		case errors.As(err, &missing):
			return err
		}
	}
}

// missingError reports a prerequisite that only a person can provide.
type missingError string

func (e missingError) Error() string { return string(e) }

func (c clusterCheck) once(ctx context.Context) error {
	if err := checkVersion(c.client); err != nil {
		return err
	}
	if err := checkKinds(c.client); err != nil {
		return err
	}
	return checkRights(ctx, c.client, c.scope)
}

// oldestKubernetes is the oldest version that is tested. The chart requires it, too.
const oldestKubernetes = "1.30"

// checkVersion does not insist on an answer that the API server refuses, or on a version that it spells in its own way.
func checkVersion(client clients) error {
	info, err := client.discovery.ServerVersion()
	if err != nil {
		var answered apierrors.APIStatus
		if errors.As(err, &answered) {
			return nil
		}
		return fmt.Errorf("ask the API server for its version: %w", err)
	}
	running, err := utilversion.ParseGeneric(info.GitVersion)
	if err == nil && running.LessThan(utilversion.MustParseGeneric(oldestKubernetes)) {
		return missingError(fmt.Sprintf("the cluster runs Kubernetes %s; travishook requires %s or newer", info.GitVersion, oldestKubernetes))
	}
	return nil
}

func checkKinds(client clients) error {
	list, err := client.discovery.ServerResourcesForGroupVersion(v1alpha1.GroupVersion.String())
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("ask for the kinds of %s: %w", v1alpha1.GroupVersion, err)
	}
	for _, name := range []string{"travisroutes", "travisdefaults"} {
		has := list != nil && slices.ContainsFunc(list.APIResources, func(r metav1.APIResource) bool { return r.Name == name })
		if !has {
			return missingError(fmt.Sprintf("the cluster does not have %s.%s; install the CRDs first: kubectl apply --server-side -k config/setup",
				name, v1alpha1.GroupVersion.Group))
		}
	}
	return nil
}

// need is a permission that the operator needs.
type need struct {
	group, resource, subresource, namespace string
	verbs                                   []string
}

func (n need) String() string {
	text := n.resource
	if n.subresource != "" {
		text += "/" + n.subresource
	}
	if n.group != "" {
		text += "." + n.group
	}
	if n.namespace != "" {
		return text + " in namespace " + n.namespace
	}
	return text + " in all namespaces"
}

// needs returns the permissions without which nothing works. Those for status and Events only are left
// out.
func needs(scope scope) []need {
	watch := []string{"list", "watch"}
	var all []need
	for _, ns := range scope.watched() {
		all = append(all,
			need{group: v1alpha1.GroupVersion.Group, resource: "travisroutes", namespace: ns, verbs: watch},
			need{group: v1alpha1.GroupVersion.Group, resource: "travisdefaults", namespace: ns, verbs: watch},
			need{resource: "secrets", namespace: ns, verbs: []string{"get", "list", "watch"}})
	}
	if scope.wholeCluster() {
		all = append(all, need{resource: "namespaces", verbs: watch})
	}
	if scope.configMaps {
		all = append(all, need{resource: "configmaps", namespace: scope.own, verbs: watch})
	}
	return all
}

// namedPermissions is how many permissions a sentence names: of a longer one, kubectl describe pod shows the end only.
const namedPermissions = 5

func checkRights(ctx context.Context, client clients, scope scope) error {
	var lacking []string
	for _, n := range needs(scope) {
		for _, verb := range n.verbs {
			review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authorizationv1.ResourceAttributes{
					Group: n.group, Resource: n.resource, Subresource: n.subresource, Namespace: n.namespace, Verb: verb,
				},
			}}
			answer, err := client.authorization.SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return fmt.Errorf("check the operator's own permissions: %w", err)
			}
			if !answer.Status.Allowed {
				lacking = append(lacking, verb+" "+n.String())
			}
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	named := strings.Join(lacking[:min(len(lacking), namedPermissions)], ", ")
	if more := len(lacking) - namedPermissions; more > 0 {
		named += fmt.Sprintf(" and %d more", more)
	}
	return missingError(fmt.Sprintf("the operator's service account may not %s; grant it the permissions in config/rbac", named))
}
