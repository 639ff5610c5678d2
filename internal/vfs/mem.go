package vfs

import (
	"io"
	"io/fs"
	"sort"
	"strings"
	"sync"
	"syscall"
)

// Mem is a simulated file system with exact crash semantics. What was written and not synced is
// kept apart from what is durable, so that CrashClone can lose any part of it. It is deterministic:
// no goroutine, clock or randomness of its own. It is safe for use by several goroutines.
//
// Durable are: the bytes and length of a file after a successful Sync, and the names of a directory
// after a successful SyncDir. A file whose name is not durable is lost however often it was synced.
type Mem struct {
	mu    sync.Mutex
	root  *node
	zero  *page
	locks map[string]bool
	// names are the changes of directories that are not yet durable, oldest first.
	names []*nameChange
	// used and capacity count bytes of whole pages in live files; capacity 0 is unlimited.
	used, capacity int64
	fault          func(Op) error
	seq            uint64
}

// node is a file or a directory.
type node struct {
	// live and durable are a directory's entries; both are nil in a file.
	live, durable map[string]*node
	// current is a file as reads see it, stable what has been synced.
	current, stable image
	// pending are the file's changes since the last sync, oldest first.
	pending []change
	// dropped: a sync failed, and with it went changes that no later sync writes.
	dropped bool
}

func (n *node) isDir() bool { return n.live != nil }

func newDir() *node {
	return &node{live: make(map[string]*node), durable: make(map[string]*node)}
}

// nameChange is one atomic change of directory entries: a rename changes two.
type nameChange struct {
	parts []namePart
}

// namePart says that name in dir now means target, or nothing if target is nil.
type namePart struct {
	dir    *node
	name   string
	target *node
}

// NewMem returns an empty file system with a root directory.
func NewMem() *Mem {
	return &Mem{root: newDir(), zero: new(page), locks: make(map[string]bool)}
}

// Create makes a new empty file, or truncates an existing one.
func (m *Mem) Create(name string) (File, error) {
	if err := m.begin(Op{Kind: OpCreate, Path: name}); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, pathError("create", name, err)
	}
	n := dir.live[base]
	switch {
	case n == nil:
		n = &node{}
		m.change(namePart{dir, base, n})
	case n.isDir():
		return nil, pathError("create", name, syscall.EISDIR)
	default:
		m.resize(n, 0, false)
	}
	return &memFile{fs: m, node: n, name: name, writable: true}, nil
}

// Open opens an existing file for reading.
func (m *Mem) Open(name string) (File, error) { return m.open(OpOpen, name, false) }

// OpenWrite opens an existing file for reading and writing.
func (m *Mem) OpenWrite(name string) (File, error) { return m.open(OpOpenWrite, name, true) }

func (m *Mem) open(kind OpKind, name string, writable bool) (File, error) {
	if err := m.begin(Op{Kind: kind, Path: name}); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.file(name)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &memFile{fs: m, node: n, name: name, writable: writable}, nil
}

// Rename replaces newname with oldname. After a crash either both changes of name have happened or neither.
func (m *Mem) Rename(oldname, newname string) error {
	if err := m.begin(Op{Kind: OpRename, Path: oldname, To: newname}); err != nil {
		return err
	}
	defer m.mu.Unlock()
	fromDir, from, err := m.parent(oldname)
	if err != nil {
		return pathError("rename", oldname, err)
	}
	toDir, to, err := m.parent(newname)
	if err != nil {
		return pathError("rename", newname, err)
	}
	n := fromDir.live[from]
	if n == nil {
		return pathError("rename", oldname, fs.ErrNotExist)
	}
	old := toDir.live[to]
	if old == n {
		return nil
	}
	if old != nil {
		if old.isDir() || n.isDir() {
			return pathError("rename", newname, fs.ErrExist)
		}
		m.used -= old.current.reserved()
	}
	m.change(namePart{fromDir, from, nil}, namePart{toDir, to, n})
	return nil
}

// Remove deletes a file or an empty directory.
func (m *Mem) Remove(name string) error {
	if err := m.begin(Op{Kind: OpRemove, Path: name}); err != nil {
		return err
	}
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	n := dir.live[base]
	switch {
	case n == nil:
		return pathError("remove", name, fs.ErrNotExist)
	case n.isDir() && len(n.live) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.used -= n.current.reserved()
	m.change(namePart{dir, base, nil})
	return nil
}

// MkdirAll makes a directory and its parents; each is durable after SyncDir of its own parent.
func (m *Mem) MkdirAll(dir string) error {
	if err := m.begin(Op{Kind: OpMkdirAll, Path: dir}); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n := m.root
	for _, name := range split(dir) {
		next := n.live[name]
		if next == nil {
			next = newDir()
			m.change(namePart{n, name, next})
		}
		if !next.isDir() {
			return pathError("mkdir", dir, syscall.ENOTDIR)
		}
		n = next
	}
	return nil
}

// List returns the names in a directory, sorted.
func (m *Mem) List(dir string) ([]string, error) {
	if err := m.begin(Op{Kind: OpList, Path: dir}); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	n, err := m.directory(split(dir))
	if err != nil {
		return nil, pathError("list", dir, err)
	}
	return sortedNames(n.live), nil
}

// SyncDir makes the directory's entries durable.
func (m *Mem) SyncDir(dir string) error {
	if err := m.begin(Op{Kind: OpSyncDir, Path: dir}); err != nil {
		return err
	}
	defer m.mu.Unlock()
	n, err := m.directory(split(dir))
	if err != nil {
		return pathError("sync", dir, err)
	}
	m.syncNames(n)
	return nil
}

// Lock takes an exclusive lock. It ends with Close; a crash clone starts without locks.
func (m *Mem) Lock(name string) (io.Closer, error) {
	if err := m.begin(Op{Kind: OpLock, Path: name}); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	key := strings.Join(split(name), "/")
	if m.locks[key] {
		return nil, pathError("lock", name, ErrLocked)
	}
	if dir.live[base] == nil {
		m.change(namePart{dir, base, &node{}})
	}
	m.locks[key] = true
	return &memLock{fs: m, key: key}, nil
}

// memLock is a held lock.
type memLock struct {
	fs  *Mem
	key string
}

// Close gives the lock back. A second Close is an error and frees nobody else's lock.
func (l *memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	if l.key == "" {
		return fs.ErrClosed
	}
	delete(l.fs.locks, l.key)
	l.key = ""
	return nil
}

// change applies an atomic change of names to the live directories and remembers it.
func (m *Mem) change(parts ...namePart) {
	for _, p := range parts {
		p.setIn(p.dir.live)
	}
	m.names = append(m.names, &nameChange{parts: parts})
}

func (p namePart) setIn(entries map[string]*node) {
	if p.target == nil {
		delete(entries, p.name)
		return
	}
	entries[p.name] = p.target
}

// syncNames makes the pending changes of dir durable, with the earlier changes that they stand on:
// a rename out of another directory cannot be durable before the file's creation there.
func (m *Mem) syncNames(dir *node) {
	type place struct {
		dir  *node
		name string
	}
	needed := make(map[place]bool)
	durable := make(map[*nameChange]bool)
	for i := len(m.names) - 1; i >= 0; i-- {
		c := m.names[i]
		wanted := false
		for _, p := range c.parts {
			wanted = wanted || p.dir == dir || needed[place{p.dir, p.name}]
		}
		if !wanted {
			continue
		}
		durable[c] = true
		for _, p := range c.parts {
			needed[place{p.dir, p.name}] = true
		}
	}
	kept := m.names[:0]
	for _, c := range m.names {
		if !durable[c] {
			kept = append(kept, c)
			continue
		}
		for _, p := range c.parts {
			p.setIn(p.dir.durable)
		}
	}
	clear(m.names[len(kept):])
	m.names = kept
}

// split returns the elements of a path; a leading slash makes no difference.
func split(name string) []string {
	var elements []string
	for _, e := range strings.Split(name, "/") {
		if e != "" && e != "." {
			elements = append(elements, e)
		}
	}
	return elements
}

func (m *Mem) directory(elements []string) (*node, error) {
	n := m.root
	for _, e := range elements {
		if n = n.live[e]; n == nil {
			return nil, fs.ErrNotExist
		}
		if !n.isDir() {
			return nil, syscall.ENOTDIR
		}
	}
	return n, nil
}

// parent returns the directory that holds name, and the last element of name.
func (m *Mem) parent(name string) (*node, string, error) {
	elements := split(name)
	if len(elements) == 0 {
		return nil, "", fs.ErrInvalid
	}
	last := len(elements) - 1
	dir, err := m.directory(elements[:last])
	return dir, elements[last], err
}

func (m *Mem) file(name string) (*node, error) {
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n := dir.live[base]
	switch {
	case n == nil:
		return nil, fs.ErrNotExist
	case n.isDir():
		return nil, syscall.EISDIR
	}
	return n, nil
}

func sortedNames(entries map[string]*node) []string {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}
