package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"redoubt/fsm"
)

func TestCommandsPageListsEveryCommand(t *testing.T) {
	page, err := os.ReadFile("../../docs/COMMANDS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range fsm.Commands() {
		if row := "| `" + strings.ToUpper(c.Name) + "` |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/COMMANDS.md has no row for %s", strings.ToUpper(c.Name))
		}
	}
}

// readingStep is a line of README's "Reading the source": a file and a function in it.
var readingStep = regexp.MustCompile("(?m)^\\d+\\. `([^`]+\\.go)` `([^`]+)`")

func TestReadingTheSourceNamesWhatExists(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := readingStep.FindAllStringSubmatch(string(readme), -1)
	if len(steps) != 8 {
		t.Errorf("README names %d functions that a SET passes, want eight", len(steps))
	}
	for _, step := range steps {
		source, err := os.ReadFile("../../" + step[1])
		if err != nil {
			t.Errorf("README sends the reader to a file that is not there: %v", err)
			continue
		}
		receiver, name, method := strings.Cut(strings.TrimPrefix(step[2], "("), ").")
		want := regexp.MustCompile(`(?m)^func ` + regexp.QuoteMeta(step[2]) + `\(`)
		if method {
			want = regexp.MustCompile(`(?m)^func \(\w+ ` + regexp.QuoteMeta(receiver) + `\) ` + regexp.QuoteMeta(name) + `\(`)
		}
		if !want.Match(source) {
			t.Errorf("README: %s has no function %s", step[1], step[2])
		}
	}
}

// link is a Markdown link to a file of the repository.
var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestLinksOfTheDocsLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	decisions, err := filepath.Glob("../../docs/decisions/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(append(pages, decisions...), "../../README.md", "../../raft/README.md")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), found[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, found[1])
			}
		}
	}
}
