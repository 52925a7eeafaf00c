package lint

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/routing"
)

// pitfalls reports combinations of valid objects that are hardly intended.
func (l *linter) pitfalls() {
	l.duplicates()
	type channel struct{ namespace, repository, account, address string }
	first := map[channel]route{}
	for _, r := range l.objects.routes {
		for i, c := range r.object.Spec.Channels {
			key := channel{r.object.Namespace, strings.ToLower(r.object.Spec.Repository), c.Account, c.Address}
			other, known := first[key]
			if !known {
				first[key] = r
			} else if other.object.Name != r.object.Name && l.overlap(other, r) {
				l.report(r.document, Warning, fmt.Sprintf("spec.channels[%d]", i),
					"TravisRoute %s has the same repository and channel: events that both match are sent twice", other.object.Name)
			}
		}
	}
}

// overlap reports whether both routes surely match some event. Routes with branches, build types or a
// filter are assumed to differ on purpose.
func (l *linter) overlap(a, b route) bool {
	both := routing.EventSet(1<<16 - 1)
	for _, r := range []route{a, b} {
		spec := &r.object.Spec
		if spec.Suspend || spec.Branches != nil || len(spec.BuildTypes) > 0 || spec.Filter != "" {
			return false
		}
		v, _ := l.compiler.Verdict(types.NamespacedName{Namespace: r.object.Namespace, Name: r.object.Name})
		both &= v.Events
	}
	return both != 0
}

// duplicates reports objects with the same name, of which one would replace the other.
func (l *linter) duplicates() {
	first := map[string]*document{}
	note := func(d *document) {
		if other, ok := first[d.String()]; ok {
			l.report(d, Error, "metadata.name", "duplicate: the object that is applied last replaces the other; %s is also in %s line %d", d, other.file, other.node.Line)
			return
		}
		first[d.String()] = d
	}
	for _, d := range l.objects.defaults {
		note(d.document)
	}
	for _, r := range l.objects.routes {
		note(r.document)
	}
}
