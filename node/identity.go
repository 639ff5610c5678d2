package node

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"redoubt/internal/vfs"
	"redoubt/raft"
)

// formatVersion is the version of the data directory's layout.
const formatVersion = 1

// maxIdentityBytes bounds what is read of a meta file.
const maxIdentityBytes = 4096

// identity is the content of a data directory's meta file: whose it is. It is JSON, for people to read.
type identity struct {
	Format    int         `json:"format"`
	ClusterID string      `json:"cluster_id"`
	NodeID    raft.NodeID `json:"node_id"`
}

// claim makes a new directory this node's own, or checks that it is. Nothing is written into a
// directory that belongs to another node or holds other files.
func claim(fsys vfs.FS, dir string, want identity) error {
	have, err := readIdentity(fsys, path.Join(dir, "meta"))
	if errors.Is(err, fs.ErrNotExist) {
		if err := checkEmpty(fsys, dir); err != nil {
			return err
		}
		return writeIdentity(fsys, dir, want)
	}
	if err != nil {
		return err
	}
	switch {
	case have.Format != want.Format:
		return fmt.Errorf("%s: written in format %d; this version reads format %d", dir, have.Format, want.Format)
	case have.ClusterID != want.ClusterID:
		return fmt.Errorf("%s: belongs to cluster %q, not to %q", dir, have.ClusterID, want.ClusterID)
	case have.NodeID != want.NodeID:
		return fmt.Errorf("%s: belongs to node %d, not to node %d", dir, have.NodeID, want.NodeID)
	}
	return nil
}

func readIdentity(fsys vfs.FS, name string) (identity, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return identity{}, err
	}
	defer file.Close()
	size, err := file.Size()
	if err != nil {
		return identity{}, err
	}
	if size > maxIdentityBytes {
		return identity{}, fmt.Errorf("%s: not a meta file of Redoubt: %d bytes long", name, size)
	}
	content := make([]byte, size)
	if _, err := file.ReadAt(content, 0); err != nil {
		return identity{}, fmt.Errorf("%s: %w", name, err)
	}
	var id identity
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&id); err != nil {
		return identity{}, fmt.Errorf("%s: not a meta file of Redoubt: %w", name, err)
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
		if name != "LOCK" && name != "meta.tmp" {
			return fmt.Errorf("%s: not a data directory of Redoubt: it has no meta file, but holds %q", dir, name)
		}
	}
	return nil
}

func writeIdentity(fsys vfs.FS, dir string, id identity) error {
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
	if err := fsys.Rename(temporary, path.Join(dir, "meta")); err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}
