package why

import "slices"

// nearby is how many letters two names may differ in to be taken for one of them misspelt.
const nearby = 2

// mostSimilar bounds the names that an answer suggests.
const mostSimilar = 3

// similar returns those of the names that are nearly, but not quite, want: the nearest first.
func similar(want string, names []string) []string {
	type near struct {
		name     string
		distance int
	}
	var found []near
	for _, name := range names {
		if d := distance(want, name); d > 0 && d <= nearby {
			found = append(found, near{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.distance - b.distance })
	var all []string
	for _, f := range found[:min(len(found), mostSimilar)] {
		all = append(all, f.name)
	}
	return all
}

// distance is how many letters must be put in, taken out, replaced, or swapped with their
// neighbour to make b of a; of more than nearby, it is only sure that they are more.
func distance(a, b string) int {
	if d := len(a) - len(b); d > nearby || -d > nearby {
		return nearby + 1
	}
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}
