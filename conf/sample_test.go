package conf

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

const samplePath = "../redoubt.yaml"

// TestSampleIsInStep keeps redoubt.yaml in the repository's root what Sample makes of the table.
// "go test ./conf -update-sample" rewrites it.
func TestSampleIsInStep(t *testing.T) {
	if flag.Lookup("update-sample").Value.String() == "true" {
		if err := os.WriteFile(samplePath, []byte(Sample()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(samplePath)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Sample() {
		t.Error("redoubt.yaml must show the settings of the table: run go test ./conf -update-sample")
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update-sample", false, "rewrite redoubt.yaml from the table of settings")
	os.Exit(m.Run())
}

// uncomment makes every setting of a sample effective.
func uncomment(sample string) string {
	lines := strings.Split(sample, "\n")
	for i, line := range lines {
		if rest, found := strings.CutPrefix(line, "#"); found && rest != "" && 'a' <= rest[0] && rest[0] <= 'z' {
			lines[i] = rest
		}
	}
	return strings.Join(lines, "\n")
}

func TestSampleLoadsAsItIsAndUncommented(t *testing.T) {
	for what, text := range map[string]string{"as it is": Sample(), "uncommented": uncomment(Sample())} {
		t.Run(what, func(t *testing.T) {
			inDirectory(t, map[string]string{DefaultFile: text})
			c, err := Load(nil)
			if err != nil {
				t.Fatalf("the sample must load: %v", err)
			}
			for i, row := range settings() {
				s := c.effective[i]
				if row.name == "peers" {
					continue
				}
				if s.Value != row.fallback {
					t.Errorf("the sample sets %s to %q, its default is %q", s.Name, s.Value, row.fallback)
				}
				want := "default"
				if what == "uncommented" {
					want = "file " + DefaultFile
				}
				if s.Origin != want {
					t.Errorf("%s comes from %q, want %q: it must be in the sample, commented out", s.Name, s.Origin, want)
				}
			}
		})
	}
}

func TestTableIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range settings() {
		if row.name == "" || row.group == "" || row.kind == "" || row.allowed == "" || row.doc == "" || row.parse == nil || row.format == nil {
			t.Errorf("%q: every column of the table must be filled", row.name)
		}
		if seen[row.name] {
			t.Errorf("%s is in the table twice", row.name)
		}
		seen[row.name] = true
		if !strings.HasSuffix(row.doc, ".") {
			t.Errorf("%s: the description must be sentences: %q", row.name, row.doc)
		}
		if row.fallback == "" {
			continue
		}
		var c Config
		if err := row.parse(&c, row.fallback); err != nil {
			t.Errorf("%s: the default %q must be allowed: %v", row.name, row.fallback, err)
		} else if got := row.format(&c); got != row.fallback {
			t.Errorf("%s: the default %q must be spelled as it is printed: %q", row.name, row.fallback, got)
		}
	}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Flags(flags)
	for name := range seen {
		if flags.Lookup(name) == nil {
			t.Errorf("there must be a flag --%s", name)
		}
	}
}
