// Package snapshot keeps images of a state on disk: compressed, checksummed and installed
// atomically, so that after a crash at any moment the directory holds a whole image or the one
// before it. It knows neither what the state is nor where images come from: index and term order
// them, and Metadata travels with them unread.
//
// format.go draws the bytes of an image. A Store owns a directory of them and keeps the newest two,
// so that one damaged image does not leave a node without any. Images get in by Create (made here)
// or Receive and Install (sent by a peer), and out by OpenNewest (to be loaded) or ReadAt (to be
// sent to a peer).
package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"sync"

	"redoubt/internal/vfs"
)

// keep is how many images without known damage stay in a Store.
const keep = 2

var (
	// ErrSync is wrapped by an error of a failed sync. What is on the disk is unknown then, so it is
	// final: the Store takes no more images.
	ErrSync = errors.New("sync failed")
	// ErrNone says that a Store holds no image at all.
	ErrNone = errors.New("snapshot: there is no image")
	// ErrBusy says that another image is being written.
	ErrBusy = errors.New("snapshot: another image is being written")
)

// Info describes an image in a Store. Its Metadata must not be changed.
type Info struct {
	Meta
	// Name is the file's name within the Store's directory.
	Name string
	// Size is the length of the file in bytes.
	Size int64
	// RawSize is the length of the raw state in bytes.
	RawSize uint64
	// Blocks is the number of blocks.
	Blocks uint64
	// Digest is the SHA-256 of the raw state.
	Digest [32]byte
	// Damage says what is known to be wrong with the image, or is nil. Index and Term come from the
	// name then, and the other fields may be zero.
	Damage error
}

func (i *Info) setFooter(f footer) {
	i.RawSize, i.Blocks, i.Digest = f.rawSize, f.blocks, f.digest
}

// Options are what Open needs beside a directory.
type Options struct {
	// Logger hears of what is wrong but stops nothing: damaged images, and old ones that cannot be
	// removed. If it is nil, nobody does.
	Logger *slog.Logger
}

// Store is a directory of images. Its methods may be called from any goroutine, but there is one
// Writer at a time, and one image being received.
type Store struct {
	fs  vfs.FS
	dir string
	log *slog.Logger
	// syncEvery is the constant of that name, but for tests.
	syncEvery int64

	// installing is held from a rename to the end of the retention that follows.
	installing sync.Mutex

	// mu guards the fields below, and is never held during I/O.
	mu sync.Mutex
	// images are sorted from oldest to newest.
	images []Info
	// writing is set while there is a Writer.
	writing bool
	// failed is the first failed sync.
	failed error

	streams  streams
	incoming incoming
}

// Open makes dir if it is missing, removes what crashes left half-made in it, and lists its images.
// Files that are not ours are left alone.
func Open(fsys vfs.FS, dir string, options Options) (*Store, error) {
	s := &Store{fs: fsys, dir: dir, log: options.Logger, syncEvery: syncEvery}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	if err := fsys.SyncDir(path.Dir(dir)); err != nil {
		return nil, fmt.Errorf("snapshot: %s: %w: %w", path.Dir(dir), ErrSync, err)
	}
	// A process that was killed may have named an image without syncing the name. Whoever loads that image lets the log go
	// that it replaces, so the name must not be lost any more.
	if err := fsys.SyncDir(dir); err != nil {
		return nil, fmt.Errorf("snapshot: %s: %w: %w", dir, ErrSync, err)
	}
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("snapshot: %w", err)
	}
	for _, name := range names {
		if isTemporary(name) {
			if err := fsys.Remove(path.Join(dir, name)); err != nil {
				return nil, fmt.Errorf("snapshot: %w", err)
			}
			continue
		}
		index, term, ok := ParseName(name)
		if !ok {
			continue
		}
		info, err := readInfo(fsys, dir, name)
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			info = Info{Meta: Meta{Index: index, Term: term}, Name: name, Size: info.Size, Damage: err}
			s.log.Warn("damaged snapshot", "file", path.Join(dir, name), "error", err)
		case err != nil:
			return nil, err
		case info.Index != index || info.Term != term:
			info = Info{Meta: Meta{Index: index, Term: term}, Name: name, Size: info.Size, Damage: s.misnamed(info)}
			s.log.Warn("damaged snapshot", "file", path.Join(dir, name), "error", info.Damage)
		}
		s.images = append(s.images, info)
	}
	slices.SortFunc(s.images, compareInfo)
	return s, nil
}

func compareInfo(a, b Info) int {
	return cmp.Or(cmp.Compare(a.Index, b.Index), cmp.Compare(a.Term, b.Term))
}

// misnamed is the damage of an image whose name and header disagree.
func (s *Store) misnamed(info Info) error {
	return &DamageError{File: path.Join(s.dir, info.Name), Offset: 16,
		Reason: fmt.Sprintf("the image is of index %d and term %d, its name says otherwise", info.Index, info.Term)}
}

// List returns all images, damaged ones included, from oldest to newest.
func (s *Store) List() []Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.images)
}

// Newest returns the newest image that is not known to be damaged. ok is false if there is none.
func (s *Store) Newest() (info Info, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, info := range slices.Backward(s.images) {
		if info.Damage == nil {
			return info, true
		}
	}
	return Info{}, false
}

// OpenImage opens the image of info for reading its raw state.
func (s *Store) OpenImage(info Info) (*Reader, error) {
	image, err := openReader(s.fs, path.Join(s.dir, info.Name))
	if err != nil {
		return nil, err
	}
	if !image.meta.equal(info.Meta) {
		found := Info{Meta: image.meta, Name: info.Name}
		return nil, errors.Join(s.misnamed(found), image.Close())
	}
	return image, nil
}

// OpenNewest loads the newest image that can be loaded. It calls load with each image, from the
// newest on, until load returns nil and the image verified to its very end; an earlier attempt's
// half-loaded state is load's to throw away. It returns the image that was loaded, and what was
// wrong with each newer one; those stay where they are. err is ErrNone if there is no image, and
// otherwise not nil only if none could be loaded: the state is lost then, and not to be taken for empty.
func (s *Store) OpenNewest(load func(Info, io.Reader) error) (info Info, damaged []error, err error) {
	images := s.List()
	if len(images) == 0 {
		return Info{}, nil, ErrNone
	}
	for _, info := range slices.Backward(images) {
		err := info.Damage
		if err == nil {
			err = s.read(info, load)
		}
		if err == nil {
			return info, damaged, nil
		}
		s.markDamaged(info, err)
		damaged = append(damaged, err)
	}
	return Info{}, damaged, fmt.Errorf("snapshot: no image in %s can be loaded: %w", s.dir, errors.Join(damaged...))
}

// Verify reads an image from end to end. One that does not verify is no longer offered by Newest and ReadAt.
func (s *Store) Verify(info Info) error {
	err := s.read(info, func(Info, io.Reader) error { return nil })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.markDamaged(info, err)
	}
	return err
}

// read hands an image to load, then reads what load left, so that the whole image is verified.
func (s *Store) read(info Info, load func(Info, io.Reader) error) (err error) {
	image, err := s.OpenImage(info)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	if err := load(info, image); err != nil {
		return fmt.Errorf("snapshot: %s: %w", path.Join(s.dir, info.Name), err)
	}
	_, err = image.drain()
	return err
}

// markDamaged remembers that an image is bad.
func (s *Store) markDamaged(info Info, err error) {
	s.log.Warn("damaged snapshot", "file", path.Join(s.dir, info.Name), "error", err)
	s.mu.Lock()
	for i := range s.images {
		if s.images[i].Name == info.Name {
			s.images[i].Damage = err
		}
	}
	s.mu.Unlock()
	s.streams.drop(info.Name)
}

// Close releases the files of transfers, and drops an image that is being received. The Store must
// not be used any more.
func (s *Store) Close() error {
	return errors.Join(s.incoming.discard(), s.streams.closeAll())
}

// usable returns the failed sync that ended the Store's life, or nil.
func (s *Store) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// syncFailed makes the Store unusable.
func (s *Store) syncFailed(name string, err error) error {
	err = fmt.Errorf("snapshot: %s: %w: %w", name, ErrSync, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// install gives a finished, synced file its name, makes the name durable, and removes images that
// are no longer needed. The order matters: an old image goes only after the new one is safe.
func (s *Store) install(temporary string, info Info) error {
	s.installing.Lock()
	defer s.installing.Unlock()
	if err := s.usable(); err != nil {
		return err
	}
	if err := s.fs.Rename(path.Join(s.dir, temporary), path.Join(s.dir, info.Name)); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := s.fs.SyncDir(s.dir); err != nil {
		return s.syncFailed(s.dir, err)
	}
	// A transfer of a replaced image would go on with the bytes of another.
	s.streams.drop(info.Name)
	s.mu.Lock()
	s.images = slices.DeleteFunc(s.images, func(old Info) bool { return old.Name == info.Name })
	s.images = append(s.images, info)
	slices.SortFunc(s.images, compareInfo)
	old := s.superseded()
	s.mu.Unlock()
	for _, info := range old {
		s.remove(info)
	}
	s.streams.sweep(s.List())
	return nil
}

// superseded returns the images that are older than the newest two good ones.
func (s *Store) superseded() []Info {
	good := 0
	for i, info := range slices.Backward(s.images) {
		if good == keep {
			return slices.Clone(s.images[:i+1])
		}
		if info.Damage == nil {
			good++
		}
	}
	return nil
}

// remove deletes an old image. It stays listed if that fails, so that the next install tries again:
// an image too many harms nobody. The removal needs no sync: an old image that comes back after a
// crash is older still.
func (s *Store) remove(info Info) {
	full := path.Join(s.dir, info.Name)
	if err := s.fs.Remove(full); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("cannot remove old snapshot", "file", full, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images = slices.DeleteFunc(s.images, func(old Info) bool { return old.Name == info.Name })
}
