package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"syscall"

	"redoubt/internal/vfs"
)

// syncEvery is how many bytes of an image may wait for a sync. An image is synced as it grows,
// because the log shares its disk: one sync at the end would put the whole image before the next
// sync of the log.
const syncEvery = 1 << 20

// appender writes a file from its start on.
type appender struct {
	store *Store
	name  string
	file  vfs.File
	// size is what was written, and synced what is durable of it.
	size, synced int64
	closed       bool
}

// create makes the temporary file of an image.
func (s *Store) create(name string) (*appender, error) {
	if err := s.usable(); err != nil {
		return nil, err
	}
	file, err := s.fs.Create(path.Join(s.dir, name))
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	return &appender{store: s, name: name, file: file}, nil
}

// Write appends p.
func (a *appender) Write(p []byte) (int, error) {
	n, err := a.file.WriteAt(p, a.size)
	a.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("snapshot: %s offset %d: %w", path.Join(a.store.dir, a.name), a.size, err)
	}
	if a.size-a.synced >= a.store.syncEvery {
		return n, a.sync()
	}
	return n, nil
}

// sync makes the file's data durable. A disk that is full may say so only here; that is not final,
// because the file is then thrown away whole, and with it what the disk made of its bytes.
func (a *appender) sync() error {
	name := path.Join(a.store.dir, a.name)
	err := a.file.Sync()
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("snapshot: %s: %w", name, err)
	case err != nil:
		return a.store.syncFailed(name, err)
	}
	a.synced = a.size
	return nil
}

// finish makes the file durable and closes it, ready for install.
func (a *appender) finish() error {
	if err := a.sync(); err != nil {
		return err
	}
	return a.close()
}

func (a *appender) close() error {
	if a.closed {
		return nil
	}
	a.closed = true
	if err := a.file.Close(); err != nil {
		return fmt.Errorf("snapshot: %s: %w", path.Join(a.store.dir, a.name), err)
	}
	return nil
}

// remove closes and deletes the file, unless it has got its final name already. The next Open
// deletes what cannot be deleted now.
func (a *appender) remove() error {
	err := a.close()
	if e := a.store.fs.Remove(path.Join(a.store.dir, a.name)); e != nil && !errors.Is(e, fs.ErrNotExist) {
		err = errors.Join(err, fmt.Errorf("snapshot: %w", e))
	}
	return err
}

// Writer takes the raw state of a new image. It is for one goroutine. It ends with Commit or Abort.
type Writer struct {
	store   *Store
	meta    Meta
	out     *appender
	encoder *encoder
	// err is the first error, or says that the Writer has ended.
	err   error
	ended bool
}

// Create begins a new image. It fails with ErrBusy while another one is being written.
func (s *Store) Create(meta Meta) (*Writer, error) {
	meta.Metadata = append([]byte(nil), meta.Metadata...)
	s.mu.Lock()
	busy := s.writing
	s.writing = true
	s.mu.Unlock()
	if busy {
		return nil, ErrBusy
	}
	w := &Writer{store: s, meta: meta}
	var err error
	if w.out, err = s.create(fileName(meta) + writingSuffix); err != nil {
		w.release()
		return nil, err
	}
	if w.encoder, err = newEncoder(w.out, meta); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return w, nil
}

// Write takes raw state. After an error the image cannot be committed any more.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.encoder.Write(p)
	w.err = err
	return n, err
}

// Commit makes the image durable and the newest of its Store, in this order: the file's data, its
// name, the directory; then it removes images that are no longer needed. After an error there is
// no new image; if the error wraps ErrSync, the disk is not to be trusted any more.
func (w *Writer) Commit() (Info, error) {
	if w.err != nil {
		return Info{}, errors.Join(w.err, w.Abort())
	}
	told, err := w.encoder.finish()
	if err != nil {
		return Info{}, errors.Join(err, w.Abort())
	}
	if err := w.out.finish(); err != nil {
		return Info{}, errors.Join(err, w.Abort())
	}
	info := Info{Meta: w.meta, Name: fileName(w.meta), Size: w.out.size}
	info.setFooter(told)
	if err := w.store.install(w.out.name, info); err != nil {
		return Info{}, errors.Join(err, w.Abort())
	}
	w.release()
	return info, nil
}

// Abort gives the image up and removes what was written of it. After the end of the Writer it does nothing.
func (w *Writer) Abort() error {
	if w.ended {
		return nil
	}
	err := w.out.remove()
	w.release()
	return err
}

// release ends the Writer and lets the Store begin another.
func (w *Writer) release() {
	w.ended = true
	w.err = errors.New("snapshot: the writer has ended")
	w.encoder = nil
	w.store.mu.Lock()
	w.store.writing = false
	w.store.mu.Unlock()
}
