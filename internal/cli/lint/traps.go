package lint

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// traps reports what every check of one object lets through and hardly anybody means.
func (l *linter) traps() {
	l.twice()
	type room struct{ namespace, repository, account, address string }
	first := map[room]route{}
	for _, r := range l.objects.routes {
		l.branches(r)
		for i, c := range r.object.Spec.Channels {
			key := room{r.object.Namespace, strings.ToLower(r.object.Spec.Repository), c.Account, c.Address}
			other, told := first[key]
			if !told {
				first[key] = r
			} else if other.object.Name != r.object.Name && l.overlap(other, r) {
				l.report(r.document, Warning, fmt.Sprintf("spec.channels[%d]", i),
					"TravisRoute %s tells the same room of the same repository: it hears twice of every event that both want", other.object.Name)
			}
		}
	}
}

// overlap reports whether there are events that both routes surely want. What their branches,
// build types and filters come to is not looked at: where there are some, that was meant.
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

// twice finds objects of one name, of which one would replace the other.
func (l *linter) twice() {
	first := map[string]*document{}
	note := func(d *document) {
		if other, ok := first[d.String()]; ok {
			l.report(d, Error, "metadata.name", "%s is there twice, and what is applied last replaces the other, in %s line %d", d, other.file, other.node.Line)
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

// branches finds globs that no branch can match.
func (l *linter) branches(r route) {
	if r.object.Spec.Branches == nil {
		return
	}
	for list, globs := range map[string][]v1alpha1.Glob{"include": r.object.Spec.Branches.Include, "exclude": r.object.Spec.Branches.Exclude} {
		for i, glob := range globs {
			if name, is := strings.CutPrefix(string(glob), "refs/heads/"); is {
				l.report(r.document, Warning, fmt.Sprintf("spec.branches.%s[%d]", list, i),
					"Travis names branches without refs/heads/: write %s", name)
			}
		}
	}
}
