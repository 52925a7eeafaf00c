package cli

import (
	"context"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
)

// The operator writes status at any time, which is no conflict with a person who changes the spec.
func TestOnlyAnotherSpecIsAConflict(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*v1alpha1.TravisRoute)
		conflict  bool
	}{
		"the status changed": {func(r *v1alpha1.TravisRoute) { r.Status.LastBuild = "#1 passed" }, false},
		"the spec changed":   {func(r *v1alpha1.TravisRoute) { r.Spec.Suspend, r.Generation = true, 2 }, true},
		"a label was set":    {func(r *v1alpha1.TravisRoute) { r.Labels = map[string]string{"a": "b"} }, true},
	} {
		for _, do := range []string{"update", "remove"} {
			t.Run(name+", "+do, func(t *testing.T) {
				var out strings.Builder
				e := newEnvironment(genericiooptions.IOStreams{Out: &out, ErrOut: &out})
				w := newWriter(e, &cobra.Command{})
				once := false
				change := func(ctx context.Context, c client.WithWatch) error {
					if once {
						return nil
					}
					once = true
					var r v1alpha1.TravisRoute
					if err := c.Get(ctx, client.ObjectKey{Namespace: "team", Name: "r"}, &r); err != nil {
						return err
					}
					test.meanwhile(&r)
					return c.Update(ctx, &r)
				}
				c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(&v1alpha1.TravisRoute{
					ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "r", Generation: 1, UID: "1"},
				}).WithInterceptorFuncs(interceptor.Funcs{
					Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
						if err := change(ctx, c); err != nil {
							return err
						}
						return c.Patch(ctx, obj, patch, opts...)
					},
					Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
						if err := change(ctx, c); err != nil {
							return err
						}
						return c.Delete(ctx, obj, opts...)
					},
				}).Build()
				var before v1alpha1.TravisRoute
				if err := c.Get(t.Context(), client.ObjectKey{Namespace: "team", Name: "r"}, &before); err != nil {
					t.Fatal(err)
				}
				var err error
				if do == "update" {
					after := before.DeepCopy()
					after.Spec.Repository = "a/b"
					err = w.update(t.Context(), c, &before, after)
				} else {
					err = w.remove(t.Context(), c, &before)
				}
				if apierrors.IsConflict(err) != test.conflict || err != nil && !test.conflict {
					t.Errorf("error is %v, printed %q", err, out.String())
				}
			})
		}
	}
}
