package routing

import "iter"

// Repositories iterates over all declared repositories, in no order; the slug of a pattern is its glob. It
// serves kubectl travis why, and is too slow for webhooks.
func (t *Table) Repositories() iter.Seq[*Repository] {
	return func(yield func(*Repository) bool) {
		for _, r := range t.repositories.all() {
			if !yield(r) {
				return
			}
		}
		for _, patterns := range t.owners.all() {
			for _, p := range patterns {
				if !yield(&Repository{Slug: p.slug, Namespaces: []*Namespace{p.declared}}) {
					return
				}
			}
		}
	}
}
