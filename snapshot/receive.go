package snapshot

import (
	"errors"
	"fmt"
	"path"
	"sync"
)

// incoming is the image that a peer is sending, if any.
type incoming struct {
	mu   sync.Mutex
	meta Meta
	out  *appender
}

// discard removes what was received.
func (in *incoming) discard() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.reset()
}

func (in *incoming) reset() error {
	if in.out == nil {
		return nil
	}
	out := in.out
	in.out = nil
	return out.remove()
}

// Receive keeps a piece of a finished image aside: the bytes that ReadAt read at the sender. Offset
// 0 begins an image and discards any other; each further piece must continue it. After an error what
// was received is gone, and the transfer must begin again at offset 0.
func (s *Store) Receive(meta Meta, offset int64, data []byte) error {
	in := &s.incoming
	in.mu.Lock()
	defer in.mu.Unlock()
	if offset == 0 {
		if err := in.begin(s, meta); err != nil {
			return err
		}
	}
	switch {
	case in.out == nil:
		return fmt.Errorf("snapshot: a piece at offset %d, but no image is being received", offset)
	case !in.meta.equal(meta) || in.out.size != offset:
		err := fmt.Errorf("snapshot: a piece of index %d at offset %d does not continue index %d at offset %d",
			meta.Index, offset, in.meta.Index, in.out.size)
		return errors.Join(err, in.reset())
	}
	if _, err := in.out.Write(data); err != nil {
		return errors.Join(err, in.reset())
	}
	return nil
}

func (in *incoming) begin(s *Store, meta Meta) error {
	if err := in.reset(); err != nil {
		return err
	}
	if meta.Index == 0 || len(meta.Metadata) > MaxMetadata {
		return fmt.Errorf("snapshot: no image can have index %d and metadata of %d bytes", meta.Index, len(meta.Metadata))
	}
	out, err := s.create(fileName(meta) + receivingSuffix)
	if err != nil {
		return err
	}
	meta.Metadata = append([]byte(nil), meta.Metadata...)
	in.meta, in.out = meta, out
	return nil
}

// Install ends the receiving of an image: it checks that size bytes of the image of meta are there,
// verifies them from end to end, and installs the image as Commit does. ok is false if the image is
// incomplete, damaged or not the one announced; it is gone then, and nothing else has changed.
func (s *Store) Install(meta Meta, size int64) (info Info, ok bool, err error) {
	in := &s.incoming
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.out == nil || !in.meta.equal(meta) || in.out.size != size {
		s.log.Warn("received snapshot is incomplete", "index", meta.Index, "size", size)
		return Info{}, false, in.reset()
	}
	info, err = s.installReceived(in.meta, in.out)
	var damage *DamageError
	switch {
	case err == nil:
		in.out = nil
		return info, true, nil
	case errors.As(err, &damage):
		s.log.Warn("received snapshot is damaged", "index", meta.Index, "size", size, "error", err)
		return Info{}, false, in.reset()
	default:
		return Info{}, false, errors.Join(err, in.reset())
	}
}

// installReceived verifies and installs the file that was received.
func (s *Store) installReceived(meta Meta, out *appender) (Info, error) {
	if err := out.finish(); err != nil {
		return Info{}, err
	}
	image, err := openReader(s.fs, path.Join(s.dir, out.name))
	if err != nil {
		return Info{}, err
	}
	seen, err := image.drain()
	if err == nil && !image.meta.equal(meta) {
		err = image.damaged(0, "the image is not the one that was announced")
	}
	if err := errors.Join(err, image.Close()); err != nil {
		return Info{}, err
	}
	info := Info{Meta: meta, Name: fileName(meta), Size: out.size}
	info.setFooter(seen)
	return info, s.install(out.name, info)
}
