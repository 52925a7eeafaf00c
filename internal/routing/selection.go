package routing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/travishook/travishook/api/v1alpha1"
)

// selection selects namespaces other than its own. A nil one selects all.
type selection struct {
	selector labels.Selector // nil for none
}

// selectionOf compiles spec. An invalid one selects none.
func selectionOf(spec *v1alpha1.NamespaceSelection) (*selection, *Problem) {
	switch {
	case spec == nil || spec.From == v1alpha1.FromAll:
		return nil, nil
	case spec.From == v1alpha1.FromSame:
		return &selection{}, nil
	case spec.From != v1alpha1.FromSelector || spec.Selector == nil:
		return &selection{}, problem(v1alpha1.ReasonInvalid, "from is %q: it must be All, Same, or Selector with a selector", spec.From)
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		return &selection{}, problem(v1alpha1.ReasonInvalid, "the selector is invalid: %v", err)
	}
	return &selection{selector}, nil
}

// chooses reports whether it selects another namespace. A namespace with unknown labels is not selected.
func (s *selection) chooses(t *Table, namespace string) bool {
	if s == nil {
		return true
	}
	if s.selector == nil {
		return false
	}
	set, known := t.namespaces.get([]byte(namespace))
	return known && s.selector.Matches(set)
}
