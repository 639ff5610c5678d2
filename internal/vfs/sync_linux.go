package vfs

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// syncers are the syncers of a file system, made when they are needed.
type syncers struct {
	// uselessUntil is until when the system is not asked again, as it did not take their requests; Unix time in nanoseconds.
	uselessUntil atomic.Int64

	mu   sync.Mutex
	idle []*syncer
}

const (
	// idleSyncers is how many a file system keeps: the log, a snapshot, and one more.
	idleSyncers = 3
	// askAgain is when a system that took no request is asked again: it may have lacked descriptors or contexts for a moment.
	askAgain = time.Minute
)

// take returns a syncer, or nil if there can be none.
func (s *syncers) take() *syncer {
	if time.Now().UnixNano() < s.uselessUntil.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := len(s.idle) - 1; last >= 0 {
		one := s.idle[last]
		s.idle = s.idle[:last]
		return one
	}
	one, err := newSyncer()
	if err != nil {
		s.refuse()
		return nil
	}
	return one
}

// refuse has fdatasync called for some time.
func (s *syncers) refuse() { s.uselessUntil.Store(time.Now().Add(askAgain).UnixNano()) }

func (s *syncers) give(one *syncer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.idle) < idleSyncers {
		s.idle = append(s.idle, one)
	}
}

// Sync makes the file's data durable with fdatasync, by a syncer if possible. It never retries a failed sync: the kernel
// marks the pages of a failed write-back clean, so a second call would succeed without having
// written them.
func (f *osFile) Sync() error {
	var err error
	if f.raw.Control(func(fd uintptr) { err = f.syncers.sync(fd) }) != nil {
		return f.File.Sync() // closed
	}
	if err != nil {
		return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}

// sync syncs an open file. A request that the kernel refused has done nothing, so that calling fdatasync is no second try.
func (s *syncers) sync(file uintptr) error {
	if one := s.take(); one != nil {
		refused, failure := one.sync(file)
		switch {
		case failure != nil:
			return failure
		case refused == nil:
			s.give(one)
			return nil
		}
		s.refuse()
	}
	return retryInterrupted(func() error { return unix.Fdatasync(int(file)) })
}
