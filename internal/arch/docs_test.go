package arch

import (
	"os"
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
