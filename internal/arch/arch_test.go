// Package arch keeps the rules between the packages: a rule that no test checks is a wish.
package arch

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "redoubt/"

// rule says what a package may import of ours, and why.
type rule struct {
	mayImport []string
	because   string
}

// rules has a row for each package that is not a command. "..." in an allowed name stands for any package below.
var rules = map[string]rule{
	"conf":              {nil, "settings are plain values that any part can be given"},
	"fsm":               {[]string{"fsm/slab"}, "the state machine must be the same on every replica and know nothing of the world"},
	"fsm/slab":          {nil, "blocks of bytes are below everything"},
	"clerk":             {nil, "a client must build without the server"},
	"resp":              {[]string{"fsm", "internal/sockio"}, "the front end knows commands; replication reaches it only through its Backend interface"},
	"raft/core":         {nil, "the core decides and touches nothing"},
	"raft/wire":         {[]string{"raft/core"}, "the codec knows messages and nothing that sends them"},
	"raft":              {[]string{"raft/core"}, "the module must be usable with any disk, network and state machine"},
	"raft/tcpnet":       {[]string{"raft/core", "raft/wire", "internal/sockio"}, "a network carries messages and knows nothing of who drives the core"},
	"raft/memnet":       {[]string{"raft/core", "raft/wire"}, "a network carries messages and knows nothing of who drives the core"},
	"wal":               {[]string{"internal/vfs"}, "the log stores records and knows nothing of Raft"},
	"snapshot":          {[]string{"internal/vfs"}, "an image is bytes and knows nothing of Raft or commands"},
	"node":              {[]string{"resp", "fsm", "node/replica", "raft/...", "internal/vfs", "internal/offheap"}, "a process around a replica; settings reach it as plain options"},
	"node/replica":      {[]string{"resp", "fsm", "raft", "raft/core", "wal", "snapshot", "internal/vfs"}, "the one place where the parts meet; what it needs of the world it is given"},
	"internal/vfs":      {nil, "the file system is below everything"},
	"internal/offheap":  {nil, "memory is below everything"},
	"internal/sockio":   {nil, "sockets are below everything"},
	"internal/child":    {nil, "whoever starts servers for a test uses it"},
	"internal/freeport": {nil, "whoever starts servers for a test uses it"},
}

// anything lists the packages that may import everything: commands, and tests that drive the whole.
var anything = []string{"cmd/", "internal/arch", "internal/e2e", "internal/difftest", "internal/sim", "internal/lin"}

func TestImportsPointOneWay(t *testing.T) {
	eachFile(t, func(file string, imports []string) {
		if strings.HasSuffix(file, "_test.go") {
			return // tests may stand anything up that they need
		}
		pkg := path.Dir(file)
		if slices.ContainsFunc(anything, func(prefix string) bool { return strings.HasPrefix(pkg, prefix) }) {
			return
		}
		r, ok := rules[pkg]
		if !ok {
			t.Errorf("%s: package %s has no row in the import rules; give it one with a reason", file, pkg)
			return
		}
		for _, imported := range imports {
			ours, ok := strings.CutPrefix(imported, module)
			if ok && !allowed(r.mayImport, ours) {
				t.Errorf("%s imports %s, but %s may import only %v of ours: %s", file, imported, pkg, r.mayImport, r.because)
			}
		}
	})
}

func allowed(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if root, ok := strings.CutSuffix(pattern, "/..."); ok {
			return pkg == root || strings.HasPrefix(pkg, root+"/")
		}
		return pkg == pattern
	})
}

// pure lists the packages that must compute the same from the same input, always.
var pure = []string{"raft/core", "raft/wire", "fsm", "fsm/slab"}

// impure are imports that bring in a clock, a disk, a network or randomness. (sync is not among them: reads of the
// state machine run side by side.)
var impure = []string{
	"context", "crypto/rand", "log", "log/slog", "math/rand", "net", "os", "syscall", "time", "unsafe",
}

func TestPurePackagesImportNothingOfTheWorld(t *testing.T) {
	eachFile(t, func(file string, imports []string) {
		if strings.HasSuffix(file, "_test.go") || !slices.Contains(pure, path.Dir(file)) {
			return
		}
		for _, imported := range imports {
			for _, bad := range impure {
				if imported == bad || strings.HasPrefix(imported, bad+"/") && imported != "math/rand/v2" {
					t.Errorf("%s imports %s: replicas stay equal only if time, randomness and I/O reach %s through its inputs",
						file, imported, path.Dir(file))
				}
			}
		}
	})
}

// eachFile calls f for every Go file of the repository with its slash-separated path and its imports.
func eachFile(t *testing.T, f func(file string, imports []string)) {
	t.Helper()
	root := "../.."
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != root {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := make([]string, 0, len(parsed.Imports))
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, imported)
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		f(filepath.ToSlash(relative), imports)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
