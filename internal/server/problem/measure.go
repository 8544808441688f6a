package problem

// Limits of JSON in a request. A few bytes can become hundreds when they are decoded
// ("{}" in a list of rules), so they are checked before that.
const (
	// maxDepth limits the nesting of values; no object of Viaduct has a depth of ten.
	maxDepth = 32
	// maxItems limits the values of one list, and maxContainers the objects and lists of
	// a request together: they exceed the entries of the largest set of addresses, and
	// the edits of the largest batch.
	maxItems      = 1 << 17
	maxContainers = 3 * maxItems
	// maxValues limits all values.
	maxValues = 1 << 20
)

// Measure refuses JSON that needs much more memory decoded than it has bytes. It needs no
// memory itself, and does not check the syntax.
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
