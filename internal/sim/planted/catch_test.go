//go:build planted

package planted

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// maxSeeds is how many seeds the simulation has for finding a bug. PLANTED_SEEDS=n replaces it.
const maxSeeds = 1000

func seeds(t *testing.T) string {
	t.Helper()
	given := os.Getenv("PLANTED_SEEDS")
	if given == "" {
		return strconv.Itoa(maxSeeds)
	}
	if n, err := strconv.Atoi(given); err != nil || n < 1 {
		t.Fatalf("PLANTED_SEEDS=%s is no number of seeds", given)
	}
	return given
}

// TestEveryPlantedBugIsCaught builds each bug into cmd/sim and demands that it is found. It prints how many seeds
// each took. PLANTED=name,name runs only those.
func TestEveryPlantedBugIsCaught(t *testing.T) {
	only := os.Getenv("PLANTED")
	for _, bug := range Catalogue {
		if only != "" && !slices.Contains(strings.Split(only, ","), bug.Name) {
			continue
		}
		t.Run(bug.Name, func(t *testing.T) {
			t.Parallel() // each on one core: a build and the search of another go together
			started := time.Now()
			seed, summary := catch(t, bug)
			if seed == 0 {
				t.Fatalf("not caught within %s seeds: %s", seeds(t), summary)
			}
			fmt.Printf("planted %-40s caught at seed %4d after %5.1fs: %s\n", bug.Name, seed, time.Since(started).Seconds(), summary)
		})
	}
}

var violation = regexp.MustCompile(`(?m)^(?:violation|replay): seed (\d+):? (.*)$`)

// catch returns the first seed that found the bug, or zero, and the first line of what it said.
func catch(t *testing.T, bug Bug) (seed int, summary string) {
	t.Helper()
	dir := t.TempDir()
	overlay, err := bug.Overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "sim")
	build := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./cmd/sim")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the planted bug does not compile: %v\n%s", err, out)
	}
	args := append([]string{"-workers", "1", "-seed", "1", "-seeds", seeds(t)}, bug.Flags...)
	out, err := exec.Command(binary, args...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err == nil {
		return 0, lastLine(out)
	}
	found := violation.FindSubmatch(out)
	if found == nil {
		t.Fatalf("the simulation failed without naming a violation:\n%s", tail(out))
	}
	if _, err := fmt.Sscan(string(found[1]), &seed); err != nil {
		t.Fatal(err)
	}
	return seed, string(found[2])
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

func tail(out []byte) []byte { return out[max(0, len(out)-4096):] }
