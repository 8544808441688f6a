package model

import (
	"slices"
	"strings"
)

// maxNearest is the maximum length of compared names, in bytes.
const maxNearest = 64

// Nearest returns the most likely intended candidate for a mistyped name: the one at the
// smallest edit distance, at most 2 and less than half the name, or else the first that starts
// with name. It returns "" if none is near, and prefers earlier candidates.
func Nearest(name string, candidates []string) string {
	if name == "" || len(name) > maxNearest {
		return ""
	}
	lower := strings.ToLower(name)
	best, bestDistance := "", min(2, (len(name)-1)/2)+1
	for _, c := range candidates {
		if diff := len(c) - len(name); diff >= bestDistance || -diff >= bestDistance {
			continue
		}
		if d := editDistance(lower, strings.ToLower(c)); d < bestDistance && c != name {
			best, bestDistance = c, d
		}
	}
	if best != "" || len(name) < 2 {
		return best
	}
	i := slices.IndexFunc(candidates, func(c string) bool {
		return strings.HasPrefix(strings.ToLower(c), lower) && c != name
	})
	if i >= 0 {
		return candidates[i]
	}
	return ""
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that lead from a to b (optimal string alignment), in bytes.
func editDistance(a, b string) int {
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
