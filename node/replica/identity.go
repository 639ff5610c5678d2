package replica

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
)

// metaName is the file of a data directory that says whose it is.
const metaName = "meta"

// formatVersion is the version of the data directory's layout.
const formatVersion = 2

// maxIdentityBytes bounds what is read of a meta file.
const maxIdentityBytes = 256 << 10

// Identity is the content of a data directory's meta file: whose it is. It is JSON, for people to read.
type Identity struct {
	Format    int         `json:"format"`
	ClusterID string      `json:"cluster_id"`
	NodeID    raft.NodeID `json:"node_id"`
	// Instance is drawn at random when the directory is made. The cluster knows it, so that a node that lost its
	// disk is not taken for the one that attested what was on it.
	Instance uint64 `json:"instance"`
	// Joined: the node was taken into a cluster that existed, so it never forms one by itself.
	Joined bool `json:"joined,omitempty"`
	// Peers are where a node that joined finds the cluster until its own log says who is in it.
	Peers []IdentityPeer `json:"peers,omitempty"`
}

// IdentityPeer is a member of the cluster that a node joined.
type IdentityPeer struct {
	ID      raft.NodeID `json:"id"`
	Address string      `json:"address"`
}

// claim makes a new directory this node's own, or checks that it is, and returns what it says of itself. Nothing is
// written into a directory that belongs to another node or holds other files.
func claim(o Options) (Identity, error) {
	have, err := readIdentity(o.FS, path.Join(o.Dir, metaName))
	if errors.Is(err, fs.ErrNotExist) {
		if err := checkEmpty(o.FS, o.Dir); err != nil {
			return Identity{}, err
		}
		// The cluster may have taken it in already.
		if _, err := readIdentity(o.FS, path.Join(o.Dir, joinName)); !errors.Is(err, fs.ErrNotExist) {
			return Identity{}, fmt.Errorf("%s: was made to join a cluster: start it with --join, or with an empty directory", o.Dir)
		}
		return newIdentity(o, o.ID)
	}
	if err != nil {
		return Identity{}, err
	}
	switch {
	case have.Format < 1 || have.Format > formatVersion:
		return Identity{}, fmt.Errorf("%s: written in format %d; this version reads formats 1 to %d", o.Dir, have.Format, formatVersion)
	case have.ClusterID != o.ClusterID:
		return Identity{}, fmt.Errorf("%s: belongs to cluster %q, not to %q", o.Dir, have.ClusterID, o.ClusterID)
	case o.ID != core.None && have.NodeID != o.ID:
		return Identity{}, fmt.Errorf("%s: belongs to node %d, not to node %d", o.Dir, have.NodeID, o.ID)
	case have.Format == 1:
		return newIdentity(o, have.NodeID) // whose directory had no instance yet
	case have.Instance == 0:
		return Identity{}, fmt.Errorf("%s: the meta file names no instance", o.Dir)
	}
	return have, nil
}

// newIdentity writes the identity of a directory that has no instance yet.
func newIdentity(o Options, id raft.NodeID) (Identity, error) {
	if id == core.None {
		return Identity{}, fmt.Errorf("%s: the directory is new, and the node has no id", o.Dir)
	}
	made := Identity{Format: formatVersion, ClusterID: o.ClusterID, NodeID: id, Instance: o.NewInstance()}
	return made, writeIdentity(o.FS, o.Dir, metaName, made)
}

func readIdentity(fsys vfs.FS, name string) (Identity, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return Identity{}, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return Identity{}, err
	}
	if size > maxIdentityBytes {
		return Identity{}, fmt.Errorf("%s: not a meta file of Redoubt: %d bytes long", name, size)
	}
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil {
		return Identity{}, fmt.Errorf("%s: %w", name, err)
	}
	var id Identity
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&id); err != nil {
		return Identity{}, fmt.Errorf("%s: not a meta file of Redoubt: %w", name, err)
	}
	return id, nil
}

// checkEmpty refuses a directory that holds anything but what an interrupted first start leaves.
func checkEmpty(fsys vfs.FS, dir string) error {
	names, err := fsys.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != "LOCK" && name != "meta.tmp" && name != joinName {
			return fmt.Errorf("%s: not a data directory of Redoubt: it has no meta file, but holds %q", dir, name)
		}
	}
	return nil
}

// writeIdentity makes an identity durable under a name in a directory.
func writeIdentity(fsys vfs.FS, dir, name string, id Identity) error {
	content, err := json.Marshal(id)
	if err != nil {
		return err
	}
	temporary := path.Join(dir, "meta.tmp")
	file, err := fsys.Create(temporary)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(append(content, '\n'), 0)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := fsys.Rename(temporary, path.Join(dir, name)); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
