package resp

import (
	"errors"
	"io"
)

// Reasons to close a connection for the memory that it asks for.
var (
	errQueryTooLarge    = errors.New("a command exceeds client-query-buffer-limit")
	errBuffersExhausted = errors.New("the buffers of all clients together have reached their limit")
)

// input is what a connection has received and not yet run.
//
// The buffer grows by a constant factor, and only once it is full of bytes that have come: a client
// cannot make it large by announcing a large command. What exceeds bufferSize is taken from the
// server's budget.
type input struct {
	budget *budget
	buf    []byte
	// buf[start:end] has come and has not been taken.
	start, end int
	// full: the last read filled the buffer, so the client's pipelines may be longer than it is.
	full bool
	// small counts reads in a row that left most of the buffer unused.
	small int
}

// unread returns the bytes that have come and have not been taken. They stay valid until the next call of
// fill or release.
func (in *input) unread() []byte { return in.buf[in.start:in.end] }

// take marks the first n unread bytes as taken.
func (in *input) take(n int) { in.start += n }

// fill reads once from r. want is the length of the unfinished command that the unread bytes are, as
// far as is known, and limit the greatest length that it may reach.
func (in *input) fill(r io.Reader, want int, limit int64) (int, error) {
	if err := in.makeRoom(want, limit); err != nil {
		return 0, err
	}
	n, err := r.Read(in.buf[in.end:])
	in.end += n
	in.full = in.end == len(in.buf)
	if n < len(in.buf)/8 {
		in.small++
	} else {
		in.small = 0
	}
	return n, err
}

// makeRoom sees to it that there is room behind the unread bytes.
func (in *input) makeRoom(want int, limit int64) error {
	unread := in.end - in.start
	if int64(unread) >= limit {
		return errQueryTooLarge
	}
	if unread == 0 {
		in.start, in.end = 0, 0
		if len(in.buf) == 0 || len(in.buf) > pipelineBufferSize || len(in.buf) > bufferSize && in.small >= 64 {
			in.small = 0
			in.resize(bufferSize)
			return nil
		}
	}
	if in.full && len(in.buf) < pipelineBufferSize && in.resize(max(2*len(in.buf), bufferSize)) {
		// Longer batches are cheaper. Nobody is closed for want of that, though.
		in.full = false
		return nil
	}
	room := len(in.buf) - in.end
	if room >= len(in.buf)/4 {
		return nil
	}
	if unread <= len(in.buf)/2 {
		// At least a quarter of the buffer has been taken since the last move, so moving costs a
		// constant time per byte.
		copy(in.buf, in.unread())
		in.start, in.end = 0, unread
		return nil
	}
	if room > 0 {
		return nil
	}
	return in.grow(want, limit)
}

// grow makes a full buffer larger. want and limit are those of fill.
func (in *input) grow(want int, limit int64) error {
	size := 2 * len(in.buf)
	if want > len(in.buf)+len(in.buf)/2 && want < size {
		// The last step of a large command. It is never a small step: many of them would cost
		// quadratic time.
		size = want
	}
	if int64(size) > limit {
		// The unread bytes are fewer than limit, and the buffer need not hold more.
		size = max(int(limit), len(in.buf)+1)
	}
	if !in.resize(size) {
		return errBuffersExhausted
	}
	return nil
}

// resize moves the unread bytes into a buffer of size bytes. It returns false, and changes
// nothing, if the budget does not allow that.
func (in *input) resize(size int) bool {
	// Both buffers exist while the bytes are copied.
	if !in.budget.reserve(counted(size)) {
		return false
	}
	buf := make([]byte, size)
	n := copy(buf, in.unread())
	in.budget.release(counted(len(in.buf)))
	in.buf, in.start, in.end = buf, 0, n
	return true
}

// shrink gives an idle connection's memory back.
func (in *input) shrink() {
	if in.start == in.end && len(in.buf) > idleBufferSize {
		in.resize(idleBufferSize)
		in.full = false
	}
}

// release gives everything back. The input must not be used after it.
func (in *input) release() {
	in.budget.release(counted(len(in.buf)))
	in.buf = nil
}

// counted is the part of a buffer that the budget counts.
func counted(size int) int { return max(0, size-bufferSize) }
