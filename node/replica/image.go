package replica

import (
	"encoding/binary"
	"errors"

	"redoubt/raft/core"
	"redoubt/snapshot"
)

// An image's metadata is
//
//	version 1 byte | log time 8 bytes, milliseconds, little endian | the encoded configuration
const (
	imageMetaVersion = 1
	imageMetaHeader  = 9
)

// imageMeta describes a snapshot to the image store.
func imageMeta(meta core.SnapshotMeta) snapshot.Meta {
	metadata := append(make([]byte, 0, 64), imageMetaVersion)
	metadata = binary.LittleEndian.AppendUint64(metadata, uint64(meta.Time))
	return snapshot.Meta{
		Index:    meta.Index,
		Term:     meta.Term,
		Metadata: core.AppendConfiguration(metadata, meta.Configuration),
	}
}

// snapshotMeta is the inverse of imageMeta.
func snapshotMeta(info snapshot.Info) (core.SnapshotMeta, error) {
	time, configuration, err := decodeImageMetadata(info.Metadata)
	if err != nil {
		return core.SnapshotMeta{}, err
	}
	return core.SnapshotMeta{
		Position:      core.Position{Index: info.Index, Term: info.Term},
		Configuration: configuration,
		Time:          time,
	}, nil
}

func decodeImageMetadata(metadata []byte) (time int64, configuration core.Configuration, err error) {
	if len(metadata) < imageMetaHeader || metadata[0] != imageMetaVersion {
		return 0, core.Configuration{}, errors.New("snapshot: the metadata has an unknown form")
	}
	configuration, err = core.DecodeConfiguration(metadata[imageMetaHeader:])
	return int64(binary.LittleEndian.Uint64(metadata[1:])), configuration, err
}
