package routing

import (
	"cmp"
	"slices"
	"strings"

	"github.com/travishook/travishook/internal/routing/glob"
)

// owners hold the patterns of repositories, by the owner in lower case.
type owners struct{ cowMap[[]pattern] }

// pattern is what a namespace declares for the repositories that match a glob.
type pattern struct {
	claimKey // the slug is the glob
	declared *Namespace
}

// put returns owners with n for the pattern, or without the pattern if n is nil.
func (o owners) put(e *edit, owner string, key claimKey, n *Namespace) owners {
	old, _ := o.get([]byte(owner))
	i, found := slices.BinarySearchFunc(old, key, func(p pattern, key claimKey) int {
		return cmp.Or(cmp.Compare(p.namespace, key.namespace), cmp.Compare(p.slug, key.slug))
	})
	patterns := make([]pattern, 0, len(old)+1)
	patterns = append(patterns, old[:i]...)
	if n != nil {
		patterns = append(patterns, pattern{key, n})
	}
	if found {
		i++
	}
	if patterns = append(patterns, old[i:]...); len(patterns) == 0 {
		return owners{o.remove(e, owner)}
	}
	return owners{o.set(e, owner, patterns)}
}

// merged returns what is declared for a repository by its name and by patterns. exact is nil if no route
// names it.
func (t *Table) merged(exact *Repository, slug []byte, patterns []pattern) *Repository {
	var out *Repository
	for _, p := range patterns {
		if !glob.Match(p.slug, string(slug)) {
			continue
		}
		if out == nil {
			out = &Repository{Slug: string(slug)}
			if exact != nil {
				out.Namespaces = slices.Clone(exact.Namespaces)
			}
		}
		out.addPattern(t, p)
	}
	if out == nil {
		return exact
	}
	return out
}

// addPattern adds the routes of a pattern to those of its namespace. r belongs to the caller; the elements
// of its list are shared.
func (r *Repository) addPattern(t *Table, p pattern) {
	i, found := slices.BinarySearchFunc(r.Namespaces, p.namespace, func(n *Namespace, name string) int { return cmp.Compare(n.Name, name) })
	var n Namespace
	if found {
		n = *r.Namespaces[i]
	} else {
		n.Name = p.namespace
		r.Namespaces = slices.Insert(r.Namespaces, i, nil)
	}
	n.SignatureOnly, n.Computed = t.granted(claimKey{p.namespace, r.Slug}), p.declared.Computed
	n.Routes = byName(n.Routes, p.declared.Routes)
	n.Declared = byName(n.Declared, p.declared.Declared)
	r.Namespaces[i] = &n
}

func byName(a, b []*Route) []*Route {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b *Route) int { return strings.Compare(a.Name, b.Name) })
	return all
}
