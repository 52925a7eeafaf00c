package routing

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/travishook/travishook/api/v1alpha1"
)

// selection chooses namespaces beside the one that it is written in. A nil one chooses all.
type selection struct {
	selector labels.Selector // nil for none
}

// selectionOf compiles spec. A wrong one chooses none.
func selectionOf(spec *v1alpha1.NamespaceSelection) (*selection, *Problem) {
	switch {
	case spec == nil || spec.From == v1alpha1.FromAll:
		return nil, nil
	case spec.From == v1alpha1.FromSame:
		return &selection{}, nil
	case spec.From != v1alpha1.FromSelector || spec.Selector == nil:
		return &selection{}, problem(v1alpha1.ReasonInvalid, "from is %q: it is All, Same, or Selector with a selector", spec.From)
	}
	selector, err := metav1.LabelSelectorAsSelector(spec.Selector)
	if err != nil {
		return &selection{}, problem(v1alpha1.ReasonInvalid, "the selector cannot be used: %v", err)
	}
	return &selection{selector}, nil
}

// chooses reports whether it chooses another namespace. One whose labels are not known is not chosen.
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
