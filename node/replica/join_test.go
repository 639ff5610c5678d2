package replica

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft"
)

// joinTest is a directory that joins a cluster as node 4.
type joinTest struct {
	drawn    uint64 // instances that were drawn so far
	asked    uint64 // the instance with which the cluster was asked, once it was
	complete bool
}

var joinPeers = []raft.Peer{{ID: 1, Address: "a:1"}, {ID: 4, Address: "d:1"}, {ID: 2, Address: "b:1"}}

// run joins, or goes on where a crash ended it.
func (j *joinTest) run(disk *vfs.Mem) error {
	join, err := BeginJoin(disk, "/new/data", "test", func() uint64 { j.drawn++; return j.drawn })
	if err != nil {
		return err
	}
	if j.asked != 0 && join.Instance() != j.asked {
		return fmt.Errorf("the cluster was asked as instance %d, and is asked as %d now", j.asked, join.Instance())
	}
	j.asked = join.Instance()
	err = join.Complete(4, joinPeers)
	j.complete = err == nil
	return errors.Join(err, join.Close())
}

// want checks the identity of a directory that has joined.
func (j *joinTest) want(disk *vfs.Mem) error {
	got, err := Identify(disk, "/new/data")
	want := Identity{Format: 2, ClusterID: "test", NodeID: 4, Instance: j.asked, Joined: true,
		Peers: []IdentityPeer{{1, "a:1"}, {2, "b:1"}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		return fmt.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	return nil
}

// However a join is interrupted, the cluster is asked by the same instance, and a directory that has joined stays so.
func TestAJoinSurvivesACrashAtEveryStep(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	steps := 0
	var j joinTest
	disk := vfs.NewMem()
	disk.SetFault(func(op vfs.Op) error {
		if !op.Kind.Mutates() {
			return nil
		}
		steps++
		for _, loss := range []vfs.Loss{vfs.LoseAll, vfs.LoseNone, vfs.LoseSome, vfs.LoseSome} {
			again, restarted := j, disk.CrashClone(vfs.CrashOptions{Loss: loss, Rand: random})
			_, err := Identify(restarted, "/new/data")
			if j.complete && err != nil {
				t.Errorf("loss %d before %v: a node that had joined is none any more: %v", loss, op, err)
			}
			if errors.Is(err, fs.ErrNotExist) {
				err = again.run(restarted)
			}
			if err = errors.Join(err, again.want(restarted)); err != nil {
				t.Errorf("loss %d before %v: %v", loss, op, err)
			}
		}
		return nil
	})
	if err := errors.Join(j.run(disk), j.want(disk)); err != nil {
		t.Fatal(err)
	}
	if steps < 10 {
		t.Errorf("only %d steps were interrupted", steps)
	}
}

func TestAJoinTakesNoDirectoryThatIsSomebodys(t *testing.T) {
	begin := func(disk *vfs.Mem, cluster string) (*Join, error) {
		return BeginJoin(disk, "/data", cluster, func() uint64 { return 5 })
	}
	file := func(name, text string) func(t *testing.T, disk *vfs.Mem) {
		return func(t *testing.T, disk *vfs.Mem) {
			f, err := disk.Create("/data/" + name)
			if err == nil {
				_, err = f.WriteAt([]byte(text), 0)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, c := range map[string]struct {
		prepare func(t *testing.T, disk *vfs.Mem)
		mention string
	}{
		"a member's":         {file("meta", `{"format":2,"cluster_id":"test","node_id":1,"instance":9}`), "belongs to a node already"},
		"another program's":  {file("photo.jpg", "sea"), "photo.jpg"},
		"a damaged question": {file("meta.join", "{"), "meta.join"},
		"no question":        {file("meta.join", `{"format":2,"cluster_id":"test","instance":0}`), "not a file of Redoubt"},
		"in use":             {func(t *testing.T, disk *vfs.Mem) { mustBegin(t, begin, disk) }, "another process"},
		"for another cluster": {func(t *testing.T, disk *vfs.Mem) {
			file("meta.join", `{"format":2,"cluster_id":"other","instance":7,"joined":true}`)(t, disk)
		}, `"other"`},
	} {
		t.Run(name, func(t *testing.T) {
			disk := vfs.NewMem()
			if err := disk.MkdirAll("/data"); err != nil {
				t.Fatal(err)
			}
			c.prepare(t, disk)
			if _, err := begin(disk, "test"); err == nil || !strings.Contains(err.Error(), c.mention) {
				t.Errorf("got error %v, want one that says %q", err, c.mention)
			}
		})
	}
}

func mustBegin(t *testing.T, begin func(*vfs.Mem, string) (*Join, error), disk *vfs.Mem) *Join {
	t.Helper()
	j, err := begin(disk, "test")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// A directory that may be a member's already must not become a cluster of its own.
func TestADirectoryThatWaitsToJoinFormsNoCluster(t *testing.T) {
	o := testOptions(vfs.NewMem())
	j, err := BeginJoin(o.FS, o.Dir, o.ClusterID, o.NewInstance)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := openStorage(o); err == nil || !strings.Contains(err.Error(), "--join") {
		t.Errorf("got error %v, want one that says --join", err)
	}
}

func TestACompletedJoinNeedsAnIDAndMembers(t *testing.T) {
	j, err := BeginJoin(vfs.NewMem(), "/data", "test", func() uint64 { return 5 })
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Complete(0, joinPeers); err == nil {
		t.Error("a join without an id was completed")
	}
	if err := j.Complete(4, []raft.Peer{{ID: 4, Address: "d:1"}}); err == nil {
		t.Error("a join without members was completed")
	}
}
