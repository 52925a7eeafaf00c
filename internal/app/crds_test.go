package app

import (
	"testing"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
)

func TestAnOlderOperatorLeavesNewerCRDs(t *testing.T) {
	for _, c := range []struct {
		present, own string
		replaced     bool
	}{
		{"", "v0.1.0", true},
		{"v0.1.0", "v0.1.0", true},
		{"v0.1.0", "v0.2.0", true},
		{"v0.10.0", "v0.2.0", false},
		{"v0.2.0", "v0.2.0-rc.1", false},
		{"v0.0.0-20261127030000-0123456789ab", "v0.0.0-20261126030000-abcdef012345", false},
		{"v0.0.0-20261126030000-0123456789ab+dirty", "v0.0.0-20261127030000-abcdef012345", true},
		{"v9.0.0", "(devel)", true},
		{"(devel)", "v0.1.0", true},
	} {
		definitions, err := ownCRDs(c.own)
		if err != nil || len(definitions) != 2 {
			t.Fatalf("%d CRDs are embedded: %v", len(definitions), err)
		}
		live := definitions[0].DeepCopy()
		annotate(live, map[string]string{crdVersion: c.present, "example.com/kept": "yes"})
		live.Object["spec"] = map[string]any{"group": "of another version"}
		live.Object["status"] = map[string]any{"conditions": []any{map[string]any{"type": "Established", "status": "True"}}}
		client := fake.NewSimpleDynamicClient(runtime.NewScheme(), live).Resource(crdResource)
		if err := (crdWriter{client, logr.Discard()}).apply(t.Context(), definitions[0]); err != nil {
			t.Fatal(err)
		}
		got, err := client.Get(t.Context(), live.GetName(), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		group, _, _ := unstructured.NestedString(got.Object, "spec", "group")
		if replaced := group == "travishook.dev"; replaced != c.replaced {
			t.Errorf("%s on %s: replaced is %v", c.own, c.present, replaced)
		}
		if got.GetAnnotations()["example.com/kept"] != "yes" {
			t.Error("an annotation of others is gone")
		}
	}
}
