package sockio

import (
	"io"
	"net"
	"os"
	"syscall"
)

// Reader reads from a connection. One goroutine at a time uses it.
type Reader struct {
	raw syscall.RawConn
	call
	try, wait func(fd uintptr) bool
}

// NewReader returns nil if conn is no socket of the system's, as one of TLS is not.
func NewReader(conn net.Conn) *Reader {
	raw := rawConn(conn)
	if raw == nil {
		return nil
	}
	r := &Reader{raw: raw}
	// Made once: a closure for each call would be garbage.
	r.try = func(fd uintptr) bool { r.do(syscall.SYS_READ, fd); return true }
	r.wait = func(fd uintptr) bool { r.do(syscall.SYS_READ, fd); return r.errno != syscall.EAGAIN }
	return r
}

// Read implements io.Reader.
func (r *Reader) Read(b []byte) (int, error) { return r.read(b, r.wait) }

// TryRead is Read without waiting.
func (r *Reader) TryRead(b []byte) (int, error) { return r.read(b, r.try) }

func (r *Reader) read(b []byte, once func(uintptr) bool) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r.b = b
	err := r.raw.Read(once)
	r.b = nil
	switch {
	case err != nil:
		return 0, err
	case r.errno == syscall.EAGAIN:
		return 0, ErrWouldBlock
	case r.errno != 0:
		return 0, os.NewSyscallError("read", r.errno)
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// Writer writes to a connection. One goroutine at a time uses it.
type Writer struct {
	raw syscall.RawConn
	call
	try func(fd uintptr) bool
}

// NewWriter returns nil if conn is no socket of the system's.
func NewWriter(conn net.Conn) *Writer {
	raw := rawConn(conn)
	if raw == nil {
		return nil
	}
	w := &Writer{raw: raw}
	w.try = func(fd uintptr) bool { w.do(syscall.SYS_WRITE, fd); return true }
	return w
}

// TryWrite writes as much of b as there is room for, which may be nothing, without waiting. An error is none of it.
func (w *Writer) TryWrite(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	w.b = b
	err := w.raw.Write(w.try)
	w.b = nil
	switch {
	case err != nil:
		return 0, err
	case w.errno == syscall.EAGAIN:
		return 0, nil
	case w.errno != 0:
		return 0, os.NewSyscallError("write", w.errno)
	}
	return w.n, nil
}

func rawConn(conn net.Conn) syscall.RawConn {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// call is one system call: what it is given and what it returned.
type call struct {
	b     []byte
	n     int
	errno syscall.Errno
}
