package planted

import (
	"regexp"
	"testing"
)

const root = "../../.."

// TestCatalogueFitsTheSource keeps the catalogue from rotting: every edit must still apply.
func TestCatalogueFitsTheSource(t *testing.T) {
	names := make(map[string]bool)
	for _, bug := range Catalogue {
		if !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(bug.Name) || names[bug.Name] {
			t.Errorf("%q is not a name, or is used twice", bug.Name)
		}
		names[bug.Name] = true
		if len(bug.Edits) == 0 || len(bug.Scenarios) == 0 {
			t.Errorf("%s: edits nothing, or proves nothing", bug.Name)
		}
		for _, edit := range bug.Edits {
			if edit.Old == edit.New {
				t.Errorf("%s: an edit of %s changes nothing", bug.Name, edit.File)
			}
		}
		if _, err := bug.Overlay(root, t.TempDir()); err != nil {
			t.Error(err)
		}
	}
	if n := len(Catalogue); n < 25 {
		t.Errorf("the simulation is asked to find %d bugs, promised are 25 at least", n)
	}
}
