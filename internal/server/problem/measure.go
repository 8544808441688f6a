package problem

// What JSON of a request may hold. A few bytes of it can become hundreds when they are
// decoded ("{}" in a list of rules), so it is measured before that.
const (
	// maxDepth bounds how deep values stand in each other; no object of Viaduct has ten.
	maxDepth = 32
	// maxItems bounds the values of one list, and maxContainers the objects and lists of
	// a request together: more than the largest set of addresses has entries, and the
	// largest batch edits.
	maxItems      = 1 << 17
	maxContainers = 3 * maxItems
	// maxValues bounds all values.
	maxValues = 1 << 20
)

// Measure refuses JSON that would take much more memory decoded than it has bytes. It
// takes none itself, and does not tell whether it is JSON.
func Measure(b []byte) error {
	var items [maxDepth + 1]int
	depth, containers, values := 0, 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			if depth++; depth > maxDepth {
				return Invalid("the request holds values %d deep in each other, and %d are taken", depth, maxDepth)
			}
			items[depth] = 1
			values++
			if containers++; containers > maxContainers {
				return Invalid("the request holds more than %d objects and lists: split it into several", maxContainers)
			}
		case '}', ']':
			depth = max(depth-1, 0)
		case ',':
			if items[depth]++; items[depth] > maxItems {
				return Invalid("a list of the request has more than %d values: split the request into several", maxItems)
			}
			if values++; values > maxValues {
				return Invalid("the request holds more than %d values: split it into several", maxValues)
			}
		}
	}
	return nil
}
