package resp

import (
	"math"
	"sync/atomic"
	"time"
	"unsafe"
)

// Limits bound what clients can cost. A zero field takes its default.
type Limits struct {
	// MaxClients is the greatest number of connections (maxclients; 10,000).
	MaxClients int
	// ClientCeiling is what MaxClients is lowered to, and maxclients can be raised to: as many connections as the process has
	// file descriptors for, beside its own. Zero: any number.
	ClientCeiling int
	// IdleTimeout closes a connection that has sent nothing for so long (timeout; 0: never).
	IdleTimeout time.Duration
	// KeepAlive is the time after which TCP probes a silent connection (tcp-keepalive; 300 s;
	// negative: never).
	KeepAlive time.Duration
	// MaxBulk is the longest word of a command in bytes (proto-max-bulk-len; 512 MiB).
	MaxBulk int64
	// MaxQuery is the longest command in bytes, its framing included (client-query-buffer-limit; 1 GiB).
	MaxQuery int64
	// MaxBuffers is what the buffers of all connections may take together, in bytes (1 GiB). The
	// first bufferSize bytes of each connection's input are not counted, nor the first retainedReply of its replies.
	MaxBuffers int64
	// WriteTimeout closes a connection whose client has not read a single chunk of its replies for so long
	// (60 s).
	WriteTimeout time.Duration
}

// Sizes of a connection's work, in bytes unless said otherwise.
const (
	// idleBufferSize is the input buffer of a connection that has been silent for idleAfter.
	idleBufferSize = 1 << 10
	// bufferSize is the usual input buffer.
	bufferSize = 16 << 10
	// pipelineBufferSize is what the input buffer of a client grows to whose pipelines fill it.
	pipelineBufferSize = 256 << 10
	// retainedReply is the reply buffer that is kept for the next batch. It has room for a value of 64 KiB with its frame, or 16 of 4 KiB;
	// what is larger is allocated and counted each time, and sent by a goroutine of its own. See docs/decisions/0019.
	retainedReply = 96 << 10
	// retainedWords is the number of words whose places are kept for the next batch.
	retainedWords = 16 << 10
	// wordSize is the memory that the place of a word takes.
	wordSize = int(unsafe.Sizeof([]byte(nil)))

	// batchOps is the greatest number of commands of a batch, and batchBytes the input after which
	// a batch takes no further command.
	batchOps   = 4096
	batchBytes = 1 << 20
	// flushAt is the size of the replies that are sent before more commands run.
	flushAt = 256 << 10
	// writeChunk is the piece of a reply that WriteTimeout applies to.
	writeChunk = 256 << 10

	// idleAfter is when a silent connection gives its buffers back.
	idleAfter = 2 * time.Second
	// maxName is the longest name that a client may give itself or its library.
	maxName = 1024
)

// withDefaults returns l with its zero fields filled in.
func (l Limits) withDefaults() Limits {
	fill(&l.MaxClients, 10_000)
	fill(&l.ClientCeiling, math.MaxUint32)
	l.MaxClients = min(l.MaxClients, l.ClientCeiling)
	fill(&l.KeepAlive, 300*time.Second)
	fill(&l.MaxBulk, 512<<20)
	fill(&l.MaxQuery, 1<<30)
	fill(&l.MaxBuffers, 1<<30)
	fill(&l.WriteTimeout, 60*time.Second)
	if l.KeepAlive < 0 {
		l.KeepAlive = 0
	}
	return l
}

func fill[T int | int64 | time.Duration](p *T, value T) {
	if *p == 0 {
		*p = value
	}
}

// settings are what CONFIG SET changes while connections run. Durations are in seconds, as Redis
// shows them.
type settings struct {
	maxClients, timeout, keepAlive, maxBulk, maxQuery atomic.Int64
	// linearizable is how connections read whose READONLY did not say (replica-reads).
	linearizable atomic.Bool
}

func (s *settings) load(l Limits) {
	s.maxClients.Store(int64(l.MaxClients))
	s.timeout.Store(int64(l.IdleTimeout / time.Second))
	s.keepAlive.Store(int64(l.KeepAlive / time.Second))
	s.maxBulk.Store(l.MaxBulk)
	s.maxQuery.Store(l.MaxQuery)
}

// budget is an amount of memory that connections share.
type budget struct {
	limit int64
	used  atomic.Int64
}

// reserve takes n bytes, or none and returns false if that many are not left.
func (b *budget) reserve(n int) bool {
	if n <= 0 {
		return true
	}
	for {
		used := b.used.Load() // never beyond the limit, not for a moment: another's small piece would be refused
		if used+int64(n) > b.limit {
			return false
		}
		if b.used.CompareAndSwap(used, used+int64(n)) {
			return true
		}
	}
}

// release gives n bytes back.
func (b *budget) release(n int) {
	if b.used.Add(-int64(n)) < 0 {
		panic("BUG: resp: released more buffer memory than was reserved")
	}
}
