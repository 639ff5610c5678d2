//go:build !linux

package resp

import (
	"errors"
	"net"
)

// poller is there for Linux alone so far: elsewhere every connection gets a goroutine.
type poller struct{}

func newPoller() (*poller, error) { return nil, errors.ErrUnsupported }

func (*poller) close() {}

func (*poller) add(*net.TCPConn, uint64) error { return errors.ErrUnsupported }

func (*poller) wait(ids []uint64) ([]uint64, error) { return ids, errors.ErrUnsupported }

func (*poller) now(ids []uint64) []uint64 { return ids }

// napper is there for the poller alone.
type napper struct{}

func newNapper() *napper { return nil }

func (*napper) nap() {}

func (*napper) close() {}
