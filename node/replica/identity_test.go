package replica

import (
	"reflect"
	"strings"
	"testing"

	"redoubt/internal/vfs"
)

func TestADirectoryBelongsToOneNode(t *testing.T) {
	cases := []struct {
		name    string
		adjust  func(*Options)
		mention string
	}{
		{"the same node again", func(*Options) {}, ""},
		{"a node that does not know its id", func(o *Options) { o.ID = 0 }, ""},
		{"another node", func(o *Options) { o.ID = 2 }, "belongs to node 1, not to node 2"},
		{"another cluster", func(o *Options) { o.ClusterID = "b" }, `belongs to cluster "test", not to "b"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions(vfs.NewMem())
			if err := o.FS.MkdirAll(o.Dir); err != nil {
				t.Fatal(err)
			}
			if _, err := claim(o); err != nil {
				t.Fatal(err)
			}
			o.NewInstance = func() uint64 { return 78 }
			c.adjust(&o)
			got, err := claim(o)
			if c.mention == "" && (err != nil || got.NodeID != 1 || got.Instance != 77) {
				t.Fatalf("a node was refused its own directory, or not told whose it is: %+v, %v", got, err)
			}
			if c.mention != "" && (err == nil || !strings.Contains(err.Error(), c.mention)) {
				t.Fatalf("got error %v, want one that says %q", err, c.mention)
			}
		})
	}
}

func TestTheMetaFileIsReadInEveryFormatButALaterOne(t *testing.T) {
	cases := []struct {
		content string
		want    Identity
		mention string
	}{
		{`{"format":1,"cluster_id":"test","node_id":1}`, Identity{Format: 2, ClusterID: "test", NodeID: 1, Instance: 77}, ""},
		{`{"format":2,"cluster_id":"test","node_id":1,"instance":5}`, Identity{Format: 2, ClusterID: "test", NodeID: 1, Instance: 5}, ""},
		{`{"format":2,"cluster_id":"test","node_id":1}`, Identity{}, "names no instance"},
		{`{"format":3,"cluster_id":"test","node_id":1,"instance":5}`, Identity{}, "written in format 3"},
		{`{"format":2,"cluster_id":"test","node_id":1,"instance":5,"more":1}`, Identity{}, "not a meta file of Redoubt"},
	}
	for _, c := range cases {
		o := testOptions(vfs.NewMem())
		if err := o.FS.MkdirAll(o.Dir); err != nil {
			t.Fatal(err)
		}
		file, err := o.FS.Create(o.Dir + "/meta")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteAt([]byte(c.content), 0); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is read once is the same ever after
			got, err := claim(o)
			if c.mention == "" && (err != nil || !reflect.DeepEqual(got, c.want)) {
				t.Errorf("%s is read as %+v, %v, want %+v", c.content, got, err, c.want)
			}
			if c.mention != "" && (err == nil || !strings.Contains(err.Error(), c.mention)) {
				t.Errorf("%s: got error %v, want one that says %q", c.content, err, c.mention)
			}
			o.NewInstance = func() uint64 { return 78 }
		}
	}
}

func TestANodeWithoutAnIdMakesNoDirectory(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.ID = 0
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "no id") {
		t.Fatalf("got error %v, want one that says that the node has no id", err)
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
		o := testOptions(nil)
		o.FS, o.Dir = fsys, dir
		if _, err := claim(o); err == nil {
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
