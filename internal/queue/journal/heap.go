package journal

// ordered is an element of a heap. It stores its index in the heap, so that it can be moved or removed in
// logarithmic time.
type ordered[T any] interface {
	less(other T) bool
	index() *int
}

// heap keeps its least element first.
type heap[T ordered[T]] []T

func (h *heap[T]) push(x T) {
	*h = append(*h, x)
	h.up(len(*h)-1, x)
}

func (h *heap[T]) remove(x T) {
	i, last := *x.index(), len(*h)-1
	moved := (*h)[last]
	var zero T
	(*h)[last] = zero
	*h = (*h)[:last]
	if i < last {
		(*h)[i] = moved
		*moved.index() = i
		h.fix(moved)
	}
}

// fix restores the order after x has changed.
func (h heap[T]) fix(x T) {
	i := *x.index()
	if h.up(i, x) == i {
		h.down(i, x)
	}
}

func (h heap[T]) up(i int, x T) int {
	for i > 0 {
		parent := (i - 1) / 2
		if !x.less(h[parent]) {
			break
		}
		h[i] = h[parent]
		*h[i].index() = i
		i = parent
	}
	h[i] = x
	*x.index() = i
	return i
}

func (h heap[T]) down(i int, x T) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && h[right].less(h[child]) {
			child = right
		}
		if !h[child].less(x) {
			break
		}
		h[i] = h[child]
		*h[i].index() = i
		i = child
	}
	h[i] = x
	*x.index() = i
}

// init restores the order of all elements.
func (h heap[T]) init() {
	for i, x := range h {
		*x.index() = i
	}
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i, h[i])
	}
}
