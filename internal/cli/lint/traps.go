package lint

import (
	"fmt"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
)

// traps reports what every check of one object lets through and hardly anybody means.
func (l *linter) traps() {
	l.twice()
	type room struct{ namespace, repository, account, address string }
	seen := map[room]string{} // the route that told it first
	for _, r := range l.objects.routes {
		l.branches(r)
		for i, c := range r.object.Spec.Channels {
			key := room{r.object.Namespace, strings.ToLower(r.object.Spec.Repository), c.Account, c.Address}
			first, told := seen[key]
			if !told {
				seen[key] = r.object.Name
			} else if first != r.object.Name {
				l.report(r.document, Warning, fmt.Sprintf("spec.channels[%d]", i),
					"TravisRoute %s tells the same room of the same repository: of an event that both want it hears twice", first)
			}
		}
	}
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
