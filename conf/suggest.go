package conf

import (
	"fmt"
	"math"
)

// suggest completes the sentence "unknown setting" with the nearest known name, or with otherwise
// if none is near.
func suggest(name string, known []string, otherwise string) string {
	best, least := "", math.MaxInt
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if least <= max(2, len(best)/3) {
		return fmt.Sprintf(", did you mean %s?", best)
	}
	return ": must be " + otherwise
}

// distance is the Levenshtein distance: how many bytes to insert, remove or change. Unknown names
// can be long, so the comparison is cut at 64 bytes.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
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
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
