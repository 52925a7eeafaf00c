package routing

import "iter"

// Repositories are all that somebody has declared something for, in no order. It is for people's
// questions, not for the way of a webhook.
func (t *Table) Repositories() iter.Seq[*Repository] {
	return func(yield func(*Repository) bool) {
		for _, r := range t.repositories.all() {
			if !yield(r) {
				return
			}
		}
	}
}
