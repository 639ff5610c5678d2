package vfs

import (
	"io"
	"io/fs"
	"syscall"
)

const (
	pageSize = 4096
	// SectorSize is the unit in bytes that a simulated disk writes at once.
	SectorSize = 512
)

type page [pageSize]byte

// image is a file's content: pages of which nil ones are holes that read as zero.
type image struct {
	pages []*page
	size  int64
}

// change is one write or change of length that is not yet durable.
type change struct {
	// offset and data are the bytes written; a shrinking file writes zeros over what it gives up.
	offset int64
	data   []byte
	// zeros is the number of zero bytes written at offset when data is nil.
	zeros int64
	// size is the file's length after the change.
	size int64
	// reserve is the length up to which space was preallocated, or 0.
	reserve int64
}

// span returns the byte range that the change writes.
func (c *change) span() (from, to int64) {
	if c.data != nil {
		return c.offset, c.offset + int64(len(c.data))
	}
	return c.offset, c.offset + c.zeros
}

// apply carries the part of the change between from and to over to the image, without its length.
func (c *change) apply(m *Mem, im *image, from, to int64) {
	lo, hi := c.span()
	lo, hi = max(lo, from), min(hi, to)
	if lo >= hi {
		return
	}
	if c.data != nil {
		im.write(m.zero, c.data[lo-c.offset:hi-c.offset], lo)
		return
	}
	im.clear(m.zero, lo, hi)
}

// reserved returns the bytes of the pages that the image holds.
func (im *image) reserved() int64 {
	var n int64
	for _, p := range im.pages {
		if p != nil {
			n += pageSize
		}
	}
	return n
}

// missing returns how many bytes of pages a write to [from, to) would add.
func (im *image) missing(from, to int64) int64 {
	var n int64
	for i := from / pageSize; i*pageSize < to; i++ {
		if i >= int64(len(im.pages)) || im.pages[i] == nil {
			n += pageSize
		}
	}
	return n
}

// reserve fills the holes below to with the shared zero page.
func (im *image) reserve(zero *page, to int64) {
	im.grow(to)
	for i := int64(0); i*pageSize < to; i++ {
		if im.pages[i] == nil {
			im.pages[i] = zero
		}
	}
}

func (im *image) grow(to int64) {
	for int64(len(im.pages))*pageSize < to {
		im.pages = append(im.pages, nil)
	}
}

func (im *image) write(zero *page, data []byte, offset int64) {
	im.grow(offset + int64(len(data)))
	for len(data) > 0 {
		i, at := offset/pageSize, offset%pageSize
		if im.pages[i] == nil || im.pages[i] == zero {
			im.pages[i] = new(page)
		}
		n := copy(im.pages[i][at:], data)
		data, offset = data[n:], offset+int64(n)
	}
}

// clear zeroes [from, to) and keeps the pages.
func (im *image) clear(zero *page, from, to int64) {
	to = min(to, int64(len(im.pages))*pageSize)
	for from < to {
		i, at := from/pageSize, from%pageSize
		n := min(pageSize-at, to-from)
		if im.pages[i] != nil && im.pages[i] != zero {
			clear(im.pages[i][at : at+n])
		}
		from += n
	}
}

// cut drops the whole pages past size and zeroes the rest of the last one.
func (im *image) cut(zero *page, size int64) {
	im.clear(zero, size, int64(len(im.pages))*pageSize)
	if keep := (size + pageSize - 1) / pageSize; keep < int64(len(im.pages)) {
		clear(im.pages[keep:])
		im.pages = im.pages[:keep]
	}
}

func (im *image) read(p []byte, offset int64) (int, error) {
	if offset >= im.size {
		return 0, io.EOF
	}
	var err error
	if int64(len(p)) > im.size-offset {
		p, err = p[:im.size-offset], io.EOF
	}
	for n := 0; n < len(p); {
		i, at := (offset+int64(n))/pageSize, (offset+int64(n))%pageSize
		part := p[n:min(len(p), n+int(pageSize-at))]
		if i < int64(len(im.pages)) && im.pages[i] != nil {
			copy(part, im.pages[i][at:])
		} else {
			clear(part)
		}
		n += len(part)
	}
	return len(p), err
}

func (im *image) clone(zero *page) image {
	c := image{pages: make([]*page, len(im.pages)), size: im.size}
	for i, p := range im.pages {
		if p == nil || p == zero {
			c.pages[i] = p
			continue
		}
		copied := *p
		c.pages[i] = &copied
	}
	return c
}

// resize sets a file's length and remembers the change. With reserve it takes the space as well.
func (m *Mem) resize(n *node, size int64, reserve bool) {
	c := change{size: size}
	before := n.current.reserved()
	if size < n.current.size {
		c.offset, c.zeros = size, n.current.size-size
		n.current.cut(m.zero, size)
	}
	if reserve {
		c.reserve = size
		n.current.reserve(m.zero, size)
	}
	n.current.size = size
	n.pending = append(n.pending, c)
	m.used += n.current.reserved() - before
}

// syncFile makes all pending changes of a file durable.
func (m *Mem) syncFile(n *node) {
	for i := range n.pending {
		c := &n.pending[i]
		from, to := c.span()
		c.apply(m, &n.stable, from, to)
		if c.size < n.stable.size {
			n.stable.cut(m.zero, c.size)
		}
		if c.reserve > 0 {
			n.stable.reserve(m.zero, c.reserve)
		}
		n.stable.size = c.size
	}
	n.pending = nil
}

// memFile is an open file of a Mem.
type memFile struct {
	fs       *Mem
	node     *node
	name     string
	writable bool
	closed   bool
}

// begin announces an operation on the file and leaves the file system locked if there is no error.
func (f *memFile) begin(op Op) error {
	op.Path = f.name
	if err := f.fs.begin(op); err != nil {
		return err
	}
	if f.closed {
		f.fs.mu.Unlock()
		return pathError(op.Kind.String(), f.name, fs.ErrClosed)
	}
	return nil
}

// beginWrite is begin for an operation that changes the file.
func (f *memFile) beginWrite(op Op) error {
	if err := f.begin(op); err != nil {
		return err
	}
	if !f.writable {
		f.fs.mu.Unlock()
		return pathError(op.Kind.String(), f.name, syscall.EBADF)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.begin(Op{Kind: OpRead, Offset: offset, Length: int64(len(p))}); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	if offset < 0 {
		return 0, pathError("read", f.name, fs.ErrInvalid)
	}
	return f.node.current.read(p, offset)
}

func (f *memFile) WriteAt(p []byte, offset int64) (int, error) {
	limit, fault := len(p), error(nil)
	if err := f.beginWrite(Op{Kind: OpWrite, Offset: offset, Length: int64(len(p))}); err != nil {
		short, ok := err.(*ShortWrite)
		if !ok {
			return 0, err
		}
		limit, fault = min(limit, max(short.N, 0)), pathError("write", f.name, short.Err)
		f.fs.mu.Lock()
	}
	defer f.fs.mu.Unlock()
	if offset < 0 {
		return 0, pathError("write", f.name, fs.ErrInvalid)
	}
	m, n := f.fs, f.node
	// A full disk takes the bytes that fit and refuses the rest, as a real one does.
	for limit > 0 && m.capacity > 0 {
		if m.used+n.current.missing(offset, offset+int64(limit)) <= m.capacity {
			break
		}
		last := (offset + int64(limit) - 1) / pageSize * pageSize
		limit, fault = int(max(0, last-offset)), pathError("write", f.name, syscall.ENOSPC)
	}
	if limit > 0 {
		data := append([]byte(nil), p[:limit]...)
		m.used += n.current.missing(offset, offset+int64(limit))
		n.current.write(m.zero, data, offset)
		n.current.size = max(n.current.size, offset+int64(limit))
		n.pending = append(n.pending, change{offset: offset, data: data, size: n.current.size})
	}
	return limit, fault
}

func (f *memFile) Size() (int64, error) {
	if err := f.begin(Op{Kind: OpSize}); err != nil {
		return 0, err
	}
	defer f.fs.mu.Unlock()
	return f.node.current.size, nil
}

func (f *memFile) Truncate(size int64) error {
	if err := f.beginWrite(Op{Kind: OpTruncate, Length: size}); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	if size < 0 {
		return pathError("truncate", f.name, fs.ErrInvalid)
	}
	f.fs.resize(f.node, size, false)
	return nil
}

// Zero does nothing: there are no blocks here.
func (f *memFile) Zero(_, _ int64) error { return nil }

func (f *memFile) Preallocate(size int64) error {
	if err := f.beginWrite(Op{Kind: OpPreallocate, Length: size}); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	m, n := f.fs, f.node
	if size < 0 {
		return pathError("preallocate", f.name, fs.ErrInvalid)
	}
	if m.capacity > 0 && m.used+n.current.missing(0, size) > m.capacity {
		return pathError("preallocate", f.name, syscall.ENOSPC)
	}
	m.resize(n, max(size, n.current.size), true)
	return nil
}

func (f *memFile) Sync() error {
	if err := f.fs.begin(Op{Kind: OpSync, Path: f.name}); err != nil {
		f.fs.dropPending(f.node)
		return err
	}
	defer f.fs.mu.Unlock()
	if f.closed {
		return pathError("sync", f.name, fs.ErrClosed)
	}
	f.fs.syncFile(f.node)
	return nil
}

func (f *memFile) Close() error {
	if err := f.begin(Op{Kind: OpClose}); err != nil {
		return err
	}
	defer f.fs.mu.Unlock()
	f.closed = true
	return nil
}
