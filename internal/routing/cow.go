package routing

import (
	"hash/maphash"
	"iter"
	"maps"
)

// fan is the number of children at each of the two levels: 4096 leaves have about 25 of 100 000 entries
// each, so that an edit copies three small arrays and not the whole map.
const fan = 64

// seed is random for each process, so that an attacker cannot choose keys that share a leaf.
var seed = maphash.MakeSeed()

// cowMap is an immutable map with string keys: an edit makes a new one that shares the unchanged parts.
// The zero cowMap is empty.
type cowMap[V any] struct {
	top *level[V]
}

type level[V any] struct {
	owner    *edit
	branches [fan]*branch[V]
}

type branch[V any] struct {
	owner  *edit
	leaves [fan]leaf[V]
}

type leaf[V any] struct {
	owner   *edit
	entries map[string]V
}

// edit identifies one change of any number of entries: parts that were copied for it are changed in place
// from then on.
type edit struct{ _ byte } // not empty, so that no two edits have the same address

// get looks key up. It does not allocate.
func (m cowMap[V]) get(key []byte) (v V, ok bool) {
	if m.top == nil {
		return v, false
	}
	hash := maphash.Bytes(seed, key)
	b := m.top.branches[hash%fan]
	if b == nil {
		return v, false
	}
	v, ok = b.leaves[hash/fan%fan].entries[string(key)]
	return v, ok
}

// set returns a map in which key has the value v.
func (m cowMap[V]) set(e *edit, key string, v V) cowMap[V] {
	m, l := m.own(e, key)
	l.entries[key] = v
	return m
}

// remove returns a map without key.
func (m cowMap[V]) remove(e *edit, key string) cowMap[V] {
	if _, ok := m.get([]byte(key)); !ok {
		return m
	}
	m, l := m.own(e, key)
	delete(l.entries, key)
	return m
}

// all iterates over the entries, in no order.
func (m cowMap[V]) all() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if m.top == nil {
			return
		}
		for _, b := range m.top.branches {
			if b != nil && !b.all(yield) {
				return
			}
		}
	}
}

func (b *branch[V]) all(yield func(string, V) bool) bool {
	for i := range b.leaves {
		for key, v := range b.leaves[i].entries {
			if !yield(key, v) {
				return false
			}
		}
	}
	return true
}

// own returns a map in which the leaf of key belongs to e, and that leaf.
func (m cowMap[V]) own(e *edit, key string) (cowMap[V], *leaf[V]) {
	hash := maphash.String(seed, key)
	top := m.top
	if top == nil || top.owner != e {
		top = clone(top)
		top.owner = e
	}
	at := &top.branches[hash%fan]
	if *at == nil || (*at).owner != e {
		*at = clone(*at)
		(*at).owner = e
	}
	l := &(*at).leaves[hash/fan%fan]
	if l.owner != e {
		l.owner = e
		if l.entries = maps.Clone(l.entries); l.entries == nil {
			l.entries = make(map[string]V, 1)
		}
	}
	return cowMap[V]{top}, l
}

// clone returns a pointer to a copy of *p, or to a zero value if p is nil.
func clone[T any](p *T) *T {
	c := new(T)
	if p != nil {
		*c = *p
	}
	return c
}
