package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/travishook/travishook/api/v1alpha1"
)

func TestWhichUpdatesReachTheTable(t *testing.T) {
	object := func(uid types.UID, generation int64) *v1alpha1.TravisRoute {
		return &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{UID: uid, Generation: generation}}
	}
	for name, c := range map[string]struct {
		before, after *v1alpha1.TravisRoute
		want          bool
	}{
		"another spec":                          {object("a", 1), object("a", 2), true},
		"another status":                        {object("a", 1), object("a", 1), false},
		"made again while the watch was away":   {object("a", 1), object("b", 1), true},
		"made again, and changed as many times": {object("a", 3), object("b", 3), true},
	} {
		if got := specChanged().Update(event.UpdateEvent{ObjectOld: c.before, ObjectNew: c.after}); got != c.want {
			t.Errorf("%s: it is %t that it reaches the table, want %t", name, got, c.want)
		}
	}
}
