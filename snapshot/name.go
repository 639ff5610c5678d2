package snapshot

import (
	"fmt"
	"strings"
)

// An image's file is named by index, then term, each as 20 digits, so that names sort as images do.
// While it is being made it has a second suffix. There is one writer and one receiver at most, and
// they differ in theirs: they may work on the same image at once.
const (
	suffix          = ".snapshot"
	writingSuffix   = ".writing"
	receivingSuffix = ".receiving"

	digits = 20
)

// fileName returns the name of the image of meta.
func fileName(meta Meta) string {
	return fmt.Sprintf("%0*d-%0*d%s", digits, meta.Index, digits, meta.Term, suffix)
}

// ParseName returns index and term of the image that a file in a Store's directory holds, by the file's name. ok is false
// if the name is not that of a finished image.
func ParseName(name string) (index, term uint64, ok bool) {
	if len(name) != 2*digits+1+len(suffix) {
		return 0, 0, false
	}
	if _, err := fmt.Sscanf(name, "%020d-%020d"+suffix, &index, &term); err != nil {
		return 0, 0, false
	}
	// Scanning is lenient (signs, spaces); only the one spelling counts.
	return index, term, index != 0 && name == fileName(Meta{Index: index, Term: term})
}

// isTemporary reports whether name is an image in the making.
func isTemporary(name string) bool {
	for _, s := range []string{writingSuffix, receivingSuffix} {
		if final, found := strings.CutSuffix(name, s); found {
			_, _, ok := ParseName(final)
			return ok
		}
	}
	return false
}
