package routing

import "iter"

// Repositories are all that somebody has declared something for, in no order. It is for people's
// questions, not for the way of a webhook.
func (t *Table) Repositories() iter.Seq[*Repository] { return t.repositories.all }

// all passes every value to yield until that says no.
func (m cowMap[V]) all(yield func(V) bool) {
	if m.top == nil {
		return
	}
	for _, b := range m.top.branches {
		if b != nil && !b.all(yield) {
			return
		}
	}
}

func (b *branch[V]) all(yield func(V) bool) bool {
	for i := range b.leaves {
		for _, v := range b.leaves[i].entries {
			if !yield(v) {
				return false
			}
		}
	}
	return true
}
