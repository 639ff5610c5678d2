// Package planted tests the simulation itself: a checker that cannot fail proves nothing.
//
// Its catalogue lists bugs, most of them shipped by some system once, as replacements of lines in the source as it
// stands. Each is built into cmd/sim with the compiler's overlay, so that nothing of it is ever in a file that is
// compiled for anybody else, and the simulation must then find a violation within 1,000 seeds. A bug whose lines
// have changed fails the test until it is planted anew.
//
//	go test -tags planted -timeout 60m ./internal/sim/planted
package planted

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Bug is one planted bug.
type Bug struct {
	// Name is unique and short, in lower case with hyphens.
	Name string
	// Scenarios are the lines of docs/INVARIANTS.md whose checkers must notice.
	Scenarios []int
	// Edits are made together.
	Edits []Edit
	// Flags are further arguments of cmd/sim, for bugs that only one of its modes can see.
	Flags []string
}

// Edit replaces text that occurs exactly once in a file.
type Edit struct {
	// File is relative to the root of the repository.
	File string
	// Old and New are whole lines or parts of them.
	Old, New string
}

// Overlay writes the edited files into dir and an overlay for `go build -overlay` that puts them in the place of
// those under root. It returns the overlay's name.
func (b Bug) Overlay(root, dir string) (string, error) {
	// The compiler takes relative names from where it runs, and would replace nothing.
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	edited := make(map[string]string)
	for _, e := range b.Edits {
		path := filepath.Join(root, filepath.FromSlash(e.File))
		text, ok := edited[path]
		if !ok {
			content, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			text = string(content)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("planted: %s: %s holds the text to replace %d times, want once:\n%s", b.Name, e.File, n, e.Old)
		}
		edited[path] = strings.Replace(text, e.Old, e.New, 1)
	}
	replace := make(map[string]string)
	for path, text := range edited {
		copied := filepath.Join(dir, fmt.Sprintf("%d_%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(copied, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[path] = copied
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	return name, os.WriteFile(name, content, 0o644)
}
