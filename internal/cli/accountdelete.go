package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
)

// runDelete deletes an account and the Secret that the plugin created for it.
func (v *accountCommand) runDelete(ctx context.Context, name string) error {
	if err := v.writer.check(); err != nil {
		return err
	}
	if _, err := v.service(); err == nil || len(v.fields) > 0 || v.key != "" {
		return usage("--delete takes the account's name only")
	}
	c, namespace, err := v.env.connect()
	if err != nil {
		return err
	}
	if v.cluster {
		namespace = v.env.operatorNamespace
	}
	before, err := readDefaults(ctx, c, namespace)
	if err != nil {
		return err
	}
	after, err := withoutAccount(before, namespace, name)
	if err != nil {
		return err
	}
	if err := v.writer.checkOwner(before, after); err != nil {
		return err
	}
	v.noteUsers(ctx, c, namespace, name)
	if err := v.writer.update(ctx, c, before, after); err != nil {
		return err
	}
	return v.deleteSecret(ctx, c, namespace, objectName("travis account", name))
}

// withoutAccount returns a copy of the defaults without the account.
func withoutAccount(d *v1alpha1.TravisDefaults, namespace, name string) (*v1alpha1.TravisDefaults, error) {
	var known []string
	if d != nil {
		for i := range d.Spec.Accounts {
			known = append(known, d.Spec.Accounts[i].Name)
		}
	}
	if !slices.Contains(known, name) {
		return nil, fmt.Errorf("no account %q in the TravisDefaults of namespace %s%s", name, namespace, suggestion(name, known))
	}
	after := d.DeepCopy()
	after.Spec.Accounts = slices.DeleteFunc(after.Spec.Accounts, func(a v1alpha1.Account) bool { return a.Name == name })
	if after.Spec.Account == name {
		after.Spec.Account = ""
	}
	return after, nil
}

// noteUsers names the routes that still refer to the account.
func (v *accountCommand) noteUsers(ctx context.Context, c client.Client, namespace, name string) {
	where := namespace
	if v.cluster {
		where = ""
	}
	routes, err := listRoutes(ctx, c, where)
	if err != nil {
		return // only a note is lost
	}
	var users []string
	for _, r := range withChannel(routes, func(c v1alpha1.Channel) bool { return c.Account == name }) {
		users = append(users, r.Namespace+"/"+r.Name)
	}
	if len(users) > 0 {
		v.env.note("note: %s still name the account: their messages wait until it exists again", strings.Join(users, ", "))
	}
}

// deleteSecret deletes the account's Secret if the plugin created it.
func (v *accountCommand) deleteSecret(ctx context.Context, c client.Client, namespace, name string) error {
	var s corev1.Secret
	err := c.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &s)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	case s.Labels[labelManagedBy] != manager:
		v.env.note("note: Secret %s was not created by kubectl travis: it is kept", name)
		return nil
	}
	return v.writer.remove(ctx, c, withoutData(&s))
}
