package conf

import (
	"fmt"
	"strings"
)

// Sample returns a configuration file that says what there is to set: every setting with its
// description and its default, commented out.
func Sample() string {
	var b strings.Builder
	b.WriteString(sampleHead)
	group := ""
	for _, row := range settings() {
		if row.group != group {
			group = row.group
			fmt.Fprintf(&b, "\n# %s\n# %s\n", group, strings.Repeat("-", len(group)))
		}
		b.WriteString("\n")
		allowed, _, _ := strings.Cut(row.allowed, ", such as") // The head of the file has examples.
		for _, line := range wrap(row.doc+" Must be "+allowed+".", 98) {
			fmt.Fprintf(&b, "# %s\n", line)
		}
		fmt.Fprintf(&b, "#%s: %s\n", row.name, sampleValue(row))
	}
	return b.String()
}

const sampleHead = `# Redoubt's settings, each with its default.
#
# A flag (--election-timeout=1s) goes before a variable (REDOUBT_ELECTION_TIMEOUT=1s), and both go
# before this file. It is read from the working directory, or from where --config says.
# ` + "`redoubt config`" + ` prints what is in effect and where it comes from.
#
# Sizes take Redis's units: 1k is 1000 bytes, 1kb is 1024; likewise m, mb, g, gb. Lists are written
# with commas, or as YAML lists.
`

// sampleValue is what the sample shows of a setting: its default, or an example where the default
// follows from other settings.
func sampleValue(row setting) string {
	switch row.name {
	case "peers":
		return "1=10.0.0.1:7379, 2=10.0.0.2:7379, 3=10.0.0.3:7379   # an example; default: this node alone"
	case "join":
		return "[]   # for example [10.0.0.1:6379, 10.0.0.2:6379], which goes without peers"
	}
	return row.fallback
}

// wrap breaks text into lines of at most width bytes, at its spaces.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
