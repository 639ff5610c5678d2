package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"sync"

	"redoubt/internal/vfs"
)

// maxStreams bounds the images that are open for transfers.
const maxStreams = 4

// streams holds the images that are being sent to peers open. An open file outlives its removal, so
// a transfer that takes longer than two snapshots still comes to its end. Nobody says when a
// transfer was given up, so a removed image is kept open only as long as it is read at least once
// between one install and the next: an abandoned transfer holds its disk space no longer than that.
type streams struct {
	mu sync.Mutex
	// open is in the order of use, the latest last.
	open []*stream
}

// stream is one open image.
type stream struct {
	info Info
	file vfs.File
	// read says that the image was read since the last sweep.
	read bool
}

// ReadAt reads up to maxBytes at offset of the file of the image at index: the bytes that Receive
// takes. If index is zero or its image is gone, it reads the newest image from its start instead,
// which the returned info tells. At the end of the file data is empty. A zero info.Index says that
// there is no image. Images that are known to be damaged are not read.
func (s *Store) ReadAt(index uint64, offset int64, maxBytes int) (info Info, data []byte, err error) {
	if offset < 0 || maxBytes < 0 {
		return Info{}, nil, fmt.Errorf("snapshot: cannot read %d bytes at offset %d", maxBytes, offset)
	}
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	st, err := s.openStream(index)
	if st == nil && (err == nil || errors.Is(err, fs.ErrNotExist)) {
		newest, ok := s.Newest()
		if !ok {
			return Info{}, nil, nil
		}
		offset = 0
		st, err = s.openStream(newest.Index)
	}
	if err != nil {
		return Info{}, nil, err
	}
	if st == nil {
		return Info{}, nil, nil
	}
	st.read = true
	length := min(int64(maxBytes), max(0, st.info.Size-offset))
	data = make([]byte, length)
	if n, err := st.file.ReadAt(data, offset); err != nil && !(errors.Is(err, io.EOF) && n == len(data)) {
		return Info{}, nil, fmt.Errorf("snapshot: %s offset %d: %w", path.Join(s.dir, st.info.Name), offset, err)
	}
	return st.info, data, nil
}

// find returns the newest good image at index.
func (s *Store) find(index uint64) (Info, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, info := range slices.Backward(s.images) {
		if info.Index == index && info.Damage == nil {
			return info, true
		}
	}
	return Info{}, false
}

// openStream returns the stream of the image at index, opening its file if it is not open yet. It
// returns nil if the Store has no such image. Retention may remove the file at the last moment: the
// error is fs.ErrNotExist then.
func (s *Store) openStream(index uint64) (*stream, error) {
	if st := s.streams.find(index); st != nil {
		return st, nil
	}
	info, ok := s.find(index)
	if !ok {
		return nil, nil
	}
	file, err := s.fs.Open(path.Join(s.dir, info.Name))
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if len(s.streams.open) == maxStreams {
		oldest := s.streams.open[0]
		s.streams.closeWhere(func(st *stream) bool { return st == oldest })
	}
	st := &stream{info: info, file: file}
	s.streams.open = append(s.streams.open, st)
	return st, nil
}

// find returns the open image at index, as the latest used.
func (t *streams) find(index uint64) *stream {
	for i, st := range t.open {
		if st.info.Index == index {
			t.open = append(slices.Delete(t.open, i, i+1), st)
			return st
		}
	}
	return nil
}

// drop closes the image with that name.
func (t *streams) drop(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeWhere(func(st *stream) bool { return st.info.Name == name })
}

// sweep closes the images that are no longer listed and were not read since the last sweep.
func (t *streams) sweep(listed []Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closeWhere(func(st *stream) bool {
		kept := slices.ContainsFunc(listed, func(info Info) bool { return info.Name == st.info.Name })
		abandoned := !kept && !st.read
		st.read = false
		return abandoned
	})
}

func (t *streams) closeAll() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closeWhere(func(*stream) bool { return true })
}

// closeWhere closes the images that judge says yes to. Files that were only read cannot lose
// anything in Close; only closeAll, at the end of the Store, still reports its error.
func (t *streams) closeWhere(judge func(*stream) bool) error {
	var errs []error
	t.open = slices.DeleteFunc(t.open, func(st *stream) bool {
		if !judge(st) {
			return false
		}
		errs = append(errs, st.file.Close())
		return true
	})
	return errors.Join(errs...)
}
