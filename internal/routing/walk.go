package routing

import "iter"

// Repositories are all that somebody has declared something for, in no order; a pattern has its glob for a
// slug. It is for people's questions, not for the way of a webhook.
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
