//go:build e2e

package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEverySuiteOnce measures next to nothing, with real servers, in every suite: each must have figures of both systems,
// a picture, and leave nothing behind.
func TestEverySuiteOnce(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not here")
	}
	data, out := t.TempDir(), t.TempDir()
	file := filepath.Join(out, "figures.json")
	o, err := parseOptions([]string{
		"-suite", "all", "-short", "-runs", "1", "-requests", "3000", "-keys", "3000", "-kills", "1", "-quiet", "300ms",
		"-dir", data, "-json", file, "-svg", out,
	}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var tables, says bytes.Buffer
	if err := run(context.Background(), o, &tables, &says); err != nil {
		t.Fatalf("%v\n%s", err, says.String())
	}
	figures, err := readReport(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range suites() {
		checkSuite(t, figures, s, out)
	}
	if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	o.draw, o.json = file, ""
	var again bytes.Buffer
	if err := run(context.Background(), o, &again, &says); err != nil || again.String() != tables.String() {
		t.Errorf("the tables of the file are not those of the run: %v\n%s", err, again.String())
	}
	if t.Failed() {
		t.Logf("%s\n%s", says.String(), tables.String())
	}
}

func checkSuite(t *testing.T, figures *report, s suite, out string) {
	for _, result := range figures.Suites {
		if result.Name != s.name {
			continue
		}
		measured := make(map[string]bool)
		for _, row := range result.Rows {
			for system := range row.Medians {
				measured[system] = true
			}
		}
		if !measured["redoubt"] || !measured["redis"] {
			t.Errorf("suite %s has figures of %v", s.name, measured)
		}
		picture, err := os.ReadFile(filepath.Join(out, s.name+".svg"))
		if err != nil || !strings.Contains(string(picture), s.title) {
			t.Errorf("suite %s has no picture: %v", s.name, err)
		}
		return
	}
	t.Errorf("suite %s was not measured", s.name)
}
