package core

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// pureImports are what the core may use, and what for.
var pureImports = map[string]string{
	"encoding/binary": "encoding",
	"errors":          "errors",
	"fmt":             "texts of errors and asserts",
	"hash/crc32":      "checksums of snapshot chunks",
	"math/rand/v2":    "rand.PCG, which the core owns and seeds itself",
	"slices":          "sorting",
	"sort":            "searching",
}

// TestPurity keeps everything out of the core that would make two runs of the same inputs differ.
func TestPurity(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if pureImports[path] == "" {
				t.Errorf("%s imports %s: the core decides without clock, goroutine, network, disk or global randomness, or a simulation could not replay it", set.Position(spec.Pos()), path)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: the order of its steps would be the scheduler's", set.Position(n.Pos()))
			case *ast.ChanType, *ast.SelectStmt:
				t.Errorf("%s uses a channel: the core has one caller and waits for nobody", set.Position(n.Pos()))
			case *ast.MapType:
				t.Errorf("%s has a map: walking it would give another order in each run. Use a sorted slice", set.Position(n.Pos()))
			case *ast.SelectorExpr:
				if from, ok := n.X.(*ast.Ident); ok && from.Name == "rand" && n.Sel.Name != "PCG" && n.Sel.Name != "NewPCG" {
					t.Errorf("%s uses rand.%s: only the core's own seeded PCG gives the same numbers again", set.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	}
}
