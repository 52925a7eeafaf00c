package render

import "fmt"

// suggest ends a sentence about an unknown name with the nearest known one, written as form
// says. It is silent where nothing is near.
func suggest(name string, known []string, form string) string {
	best, distance := "", len(name)/2+1
	if len(name) > 64 {
		return ""
	}
	for _, k := range known {
		if d := edits(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + fmt.Sprintf(form, best) + "?"
}

// edits counts the insertions, deletions and replacements that make a into b.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
