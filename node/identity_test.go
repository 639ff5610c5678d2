package node

import (
	"strings"
	"testing"

	"redoubt/internal/vfs"
)

func TestADirectoryBelongsToOneNode(t *testing.T) {
	mine := identity{Format: formatVersion, ClusterID: "a", NodeID: 1}
	cases := []struct {
		name    string
		want    identity
		mention string
	}{
		{"the same node again", mine, ""},
		{"another node", identity{formatVersion, "a", 2}, "belongs to node 1, not to node 2"},
		{"another cluster", identity{formatVersion, "b", 1}, `belongs to cluster "a", not to "b"`},
		{"another format", identity{formatVersion + 1, "a", 1}, "written in format 1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			fsys, dir := vfs.NewOS(), t.TempDir()
			if err := claim(fsys, dir, mine); err != nil {
				t.Fatal(err)
			}
			err := claim(fsys, dir, c.want)
			if c.mention == "" && err != nil {
				t.Fatalf("a node was refused its own directory: %v", err)
			}
			if c.mention != "" && (err == nil || !strings.Contains(err.Error(), c.mention)) {
				t.Fatalf("got error %v, want one that says %q", err, c.mention)
			}
		})
	}
}

func TestAForeignDirectoryIsLeftAlone(t *testing.T) {
	for _, foreign := range []string{"dump.rdb", "meta"} {
		fsys, dir := vfs.NewOS(), t.TempDir()
		file, err := fsys.Create(dir + "/" + foreign)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte("somebody else's"), 0); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := claim(fsys, dir, identity{formatVersion, "a", 1}); err == nil {
			t.Errorf("a directory that holds a foreign %s was taken over", foreign)
		}
		names, err := fsys.List(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) != 1 || names[0] != foreign {
			t.Errorf("a refused directory was changed: it holds %v", names)
		}
	}
}
