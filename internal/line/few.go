package line

import (
	"fmt"
	"strings"
)

// Few joins a list with commas; it only counts the members beyond n: "a, b and 3 more".
func Few(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}
