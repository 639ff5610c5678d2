package conf

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// errNotAllowed says that a value is none of those that the table calls allowed.
var errNotAllowed = errors.New("not allowed")

// units are Redis's units of memory: a lone letter counts in thousands. The longer names come
// first, because the shorter are their beginnings read from the end.
func units() []choice[int64] {
	return []choice[int64]{
		{"kb", kb}, {"mb", mb}, {"gb", gb}, {"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"b", 1}, {"", 1},
	}
}

// parseSize reads a size as redis.conf has it: digits and a unit, in either case.
func parseSize(text string) (int64, error) {
	lower := strings.ToLower(text)
	for _, unit := range units() {
		digits, found := strings.CutSuffix(lower, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n > math.MaxInt64/uint64(unit.value) {
			return 0, errNotAllowed
		}
		return int64(n) * unit.value, nil
	}
	panic("BUG: conf: no unit fits")
}

// formatSize spells a size with the largest binary unit that needs no fraction.
func formatSize(n int64) string {
	for _, unit := range []choice[int64]{{"gb", gb}, {"mb", mb}, {"kb", kb}} {
		if n != 0 && n%unit.value == 0 {
			return fmt.Sprintf("%d%s", n/unit.value, unit.name)
		}
	}
	return strconv.FormatInt(n, 10)
}

// formatDuration spells a duration as people do: 1m, not 1m0s.
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func checkNotEmpty(text string) error {
	if text == "" || strings.ContainsRune(text, 0) {
		return errNotAllowed
	}
	return nil
}

// checkName keeps a name fit for logs, lists and CLUSTER replies.
func checkName(text string) error {
	if len(text) < 1 || len(text) > 64 || strings.IndexFunc(text, func(r rune) bool { return !isNameRune(r) }) >= 0 {
		return errNotAllowed
	}
	return nil
}

// isNameRune reports whether r may be part of a name.
func isNameRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r)
}

// splitList splits a list at commas and white space.
func splitList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}
