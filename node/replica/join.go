package replica

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
)

// joinName is the file of a directory that waits to be taken in. It holds what meta will, without the id.
const joinName = "meta.join"

// Identify returns whose a data directory is. The error is fs.ErrNotExist if it belongs to no node yet.
func Identify(fsys vfs.FS, dir string) (Identity, error) {
	return readIdentity(fsys, path.Join(dir, metaName))
}

// Join prepares a directory for a cluster that exists. Its instance is durable before the cluster is asked: the same
// question after a crash, or after a lost answer, then names the same disk, and the cluster answers with the same id.
type Join struct {
	fs       vfs.FS
	dir      string
	lock     io.Closer
	identity Identity
}

// BeginJoin makes the directory, or goes on with one that BeginJoin made, and locks it. newInstance draws the instance of
// a new one, at random and never zero. Errors: a directory that another process uses, that is a node's already,
// was begun for another cluster, or holds something else.
func BeginJoin(fsys vfs.FS, dir, clusterID string, newInstance func() uint64) (*Join, error) {
	if err := makeDir(fsys, dir); err != nil {
		return nil, err
	}
	lock, err := lockDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	j := &Join{fs: fsys, dir: dir, lock: lock}
	if err := j.begin(clusterID, newInstance); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return j, nil
}

// begin reads the instance of the directory, or gives it one.
func (j *Join) begin(clusterID string, newInstance func() uint64) error {
	if _, err := Identify(j.fs, j.dir); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s: belongs to a node already", j.dir)
	}
	if err := checkEmpty(j.fs, j.dir); err != nil {
		return err
	}
	begun, err := readIdentity(j.fs, path.Join(j.dir, joinName))
	if errors.Is(err, fs.ErrNotExist) {
		j.identity = Identity{Format: formatVersion, ClusterID: clusterID, Instance: newInstance(), Joined: true}
		return writeIdentity(j.fs, j.dir, joinName, j.identity)
	}
	switch {
	case err != nil:
		return err
	case begun.Format != formatVersion || begun.Instance == 0 || !begun.Joined:
		return fmt.Errorf("%s: not a file of Redoubt", path.Join(j.dir, joinName))
	case begun.ClusterID != clusterID:
		return fmt.Errorf("%s: was made to join cluster %q, not %q", j.dir, begun.ClusterID, clusterID)
	}
	j.identity = begun
	return nil
}

// Instance is what the cluster is to know the directory by.
func (j *Join) Instance() uint64 { return j.identity.Instance }

// Complete makes the directory that of a member, whose id the cluster has said. peers are the members at that time; the
// node finds the cluster by them until its own log names the members.
func (j *Join) Complete(id raft.NodeID, peers []raft.Peer) error {
	if id == core.None {
		return errors.New("the cluster gave no id")
	}
	peers = slices.DeleteFunc(slices.Clone(peers), func(p raft.Peer) bool { return p.ID == id })
	if len(peers) == 0 {
		return errors.New("the cluster named no members")
	}
	j.identity.NodeID = id
	for _, p := range peers {
		j.identity.Peers = append(j.identity.Peers, IdentityPeer{ID: p.ID, Address: p.Address})
	}
	if err := writeIdentity(j.fs, j.dir, metaName, j.identity); err != nil {
		return err
	}
	if err := j.fs.Remove(path.Join(j.dir, joinName)); err != nil {
		return err
	}
	return j.fs.SyncDir(j.dir)
}

// Close gives the directory back.
func (j *Join) Close() error { return j.lock.Close() }
