package fsm

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// forbiddenImports bring in what would make replicas differ.
var forbiddenImports = map[string]string{
	"time": "a clock", "os": "the environment", "net": "a network", "math/rand": "randomness",
	"math/rand/v2": "randomness", "crypto/rand": "randomness", "hash/maphash": "a random seed",
	"runtime": "the process", "syscall": "the system", "unsafe": "addresses", "maps": "map order", "log": "output", "log/slog": "output",
}

// mapRangeAllowed are the functions that range over a map and then sort.
var mapRangeAllowed = map[string]bool{"Commands": true}

// TestPackageIsPure: what runs under the log may not look at a clock, a random source, a disk or a
// network, start goroutines, or depend on map order, or replicas would differ.
func TestPackageIsPure(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, file := range files {
		for _, spec := range file.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			if what := forbiddenImports[path]; what != "" || strings.HasPrefix(path, "redoubt/") && path != "redoubt/fsm/slab" {
				t.Errorf("%s: imports %s (%s)", set.Position(spec.Pos()), path, what)
			}
		}
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	config := types.Config{Importer: noImports{}, Error: func(error) {}}
	config.Check("fsm", set, files, info)
	for _, file := range files {
		for _, declaration := range file.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || function.Body == nil {
				continue
			}
			ast.Inspect(function.Body, func(n ast.Node) bool {
				if problem := impurity(n, info); problem != "" && !mapRangeAllowed[function.Name.Name] {
					t.Errorf("%s: %s", set.Position(n.Pos()), problem)
				}
				return true
			})
		}
	}
}

// noImports gives an empty package for each import: the package's own types are all that the test
// needs, and none of the allowed imports hands out maps.
type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	pkg := types.NewPackage(path, path[strings.LastIndexByte(path, '/')+1:])
	pkg.MarkComplete()
	return pkg, nil
}

// impurity says what is wrong with a syntax node, if anything.
func impurity(n ast.Node, info *types.Info) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "starts a goroutine"
	case *ast.SelectStmt:
		return "waits on channels"
	case *ast.RangeStmt:
		if kind := info.TypeOf(n.X); kind != nil {
			if _, ok := kind.Underlying().(*types.Map); ok {
				return fmt.Sprintf("ranges over a map (%s)", kind)
			}
		}
	}
	return ""
}
