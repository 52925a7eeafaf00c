package controllers

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// TestPeopleOfAConfigMapAreReadAgain: once a minute, and what was read is kept while the API server fails.
func TestPeopleOfAConfigMapAreReadAgain(t *testing.T) {
	reads, down := 0, false
	named := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "people"}}
	live := fake.NewClientBuilder().WithObjects(named).WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if reads++; down {
				return errors.New("unavailable")
			}
			return c.Get(ctx, key, o, opts...)
		},
		List: func(context.Context, client.WithWatch, client.ObjectList, ...client.ListOption) error {
			return errors.New("the operator may not list ConfigMaps")
		},
	}).Build()
	compiler := routing.NewCompiler(routing.Config{OperatorNamespace: "system", Services: map[string]notify.Service{
		"chat": {Name: "chat", Person: func(id string) (string, error) { return id, nil }},
	}})
	compiler.PutDefaults(&v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.DefaultsName},
		Spec:       v1alpha1.TravisDefaultsSpec{PeopleFrom: &v1alpha1.PeopleSource{ConfigMap: "people"}},
	})
	p := &people{live: live, compiler: compiler, log: logr.Discard()}
	now := time.Now()
	refresh := func(after time.Duration, wantReads int, wantFound bool) {
		t.Helper()
		now = now.Add(after)
		p.refresh(t.Context(), now)
		_, found := compiler.Table().Person("a", travis.HashEmail("ada@example.com"))
		if reads != wantReads || found != wantFound {
			t.Errorf("after %d reads, ada is known: %v; want %d and %v", reads, found, wantReads, wantFound)
		}
	}
	refresh(0, 1, false)
	named.Data = map[string]string{v1alpha1.PeopleKey: "[{name: ada, emails: [ada@example.com], ids: {chat: A1}}]"}
	if err := live.Update(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	refresh(peopleTick, 1, false)
	refresh(peopleInterval, 2, true)
	down = true
	refresh(peopleInterval, 3, true)
	down = false
	if err := live.Delete(t.Context(), named); err != nil {
		t.Fatal(err)
	}
	refresh(peopleInterval, 4, false)
	compiler.DeleteDefaults(client.ObjectKey{Namespace: "a", Name: v1alpha1.DefaultsName})
	refresh(peopleInterval, 4, false)
}
