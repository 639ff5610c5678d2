package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redoubt/internal/sim/planted"
)

var (
	// invariantRow is a row of docs/INVARIANTS.md: number, what must hold, and what shows it.
	invariantRow = regexp.MustCompile(`(?m)^\| (\d+) \| ([^|]+) \| ([^|]+) \|$`)
	// evidence is a function of a package, such as `raft/core.TestTranscripts`, or a `planted:bug`.
	evidence = regexp.MustCompile("`([a-z0-9_/]+)\\.([A-Za-z0-9_]+)`|`planted:([a-z0-9-]+)`")
)

// lastInvariant is the number of the last one.
const lastInvariant = 54

// TestInvariantsNameWhatExists keeps the map from what must hold to what shows it: every line names a test or a
// checker, and each of them is there.
func TestInvariantsNameWhatExists(t *testing.T) {
	page, err := os.ReadFile("../../docs/INVARIANTS.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := invariantRow.FindAllStringSubmatch(string(page), -1)
	read := make(sources)
	for i, row := range rows {
		if number, _ := strconv.Atoi(row[1]); number != i+1 {
			t.Fatalf("row %d of docs/INVARIANTS.md has the number %s", i+1, row[1])
		}
		named := evidence.FindAllStringSubmatch(row[3], -1)
		if len(named) == 0 {
			t.Errorf("invariant %s names nothing that shows it", row[1])
		}
		for _, n := range named {
			if n[3] != "" {
				if !slices.ContainsFunc(planted.Catalogue, func(b planted.Bug) bool { return b.Name == n[3] }) {
					t.Errorf("invariant %s: no bug %q is planted", row[1], n[3])
				}
				continue
			}
			if !declares(read.of(t, n[1]), n[2]) {
				t.Errorf("invariant %s: package %s has no function %s", row[1], n[1], n[2])
			}
		}
	}
	if len(rows) != lastInvariant {
		t.Errorf("docs/INVARIANTS.md has %d rows, want %d", len(rows), lastInvariant)
	}
	for _, bug := range planted.Catalogue {
		for _, number := range bug.Scenarios {
			if number < 1 || number > len(rows) {
				t.Errorf("planted bug %s names invariant %d, which there is not", bug.Name, number)
			}
		}
	}
}

// sources reads the Go files of packages, tests of every kind included, once each.
type sources map[string]string

func (s sources) of(t *testing.T, pkg string) string {
	t.Helper()
	if text, ok := s[pkg]; ok {
		return text
	}
	files, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(pkg), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(source)
	}
	s[pkg] = text.String()
	return s[pkg]
}

// declares tells whether a package has a function or method of a name.
func declares(source, name string) bool {
	return strings.Contains(source, "\nfunc "+name+"(") || regexp.MustCompile(`\nfunc \([^)]*\) `+name+`\(`).MatchString(source)
}
