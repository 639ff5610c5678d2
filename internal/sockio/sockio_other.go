//go:build !linux

package sockio

import "net"

// Reader is there for Linux alone: elsewhere there is none.
type Reader struct{}

// NewReader returns nil.
func NewReader(net.Conn) *Reader { return nil }

// Read is never called.
func (*Reader) Read([]byte) (int, error) { return 0, ErrWouldBlock }

// TryRead is never called.
func (*Reader) TryRead([]byte) (int, error) { return 0, ErrWouldBlock }

// Writer is there for Linux alone: elsewhere there is none.
type Writer struct{}

// NewWriter returns nil.
func NewWriter(net.Conn) *Writer { return nil }

// TryWrite is never called.
func (*Writer) TryWrite([]byte) (int, error) { return 0, ErrWouldBlock }
