package replica

import (
	"strings"
	"testing"
	"time"

	"redoubt/fsm"
	"redoubt/internal/vfs"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// patience is how long a test waits for what must happen soon, on a busy machine.
const patience = 20 * time.Second

// sole is a cluster of one replica, driven by raft's own goroutines.
type sole struct {
	t testing.TB
	*Replica
	node *raft.Raft
}

// startSole starts a replica that leads.
func startSole(t testing.TB, adjust func(*Options)) *sole {
	t.Helper()
	o := testOptions(vfs.NewMem())
	o.Background = func(task func()) { go task() }
	o.Redirect = func(raft.NodeID, int) string { return "" }
	if adjust != nil {
		adjust(&o)
	}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	options := append(r.RaftOptions(), raft.WithTimeouts(10*time.Millisecond, 50*time.Millisecond))
	node, err := raft.Make(o.Peers, r.ID(), r.Persister(), nil, options...)
	if err != nil {
		t.Fatal(err)
	}
	r.Bind(node)
	t.Cleanup(func() {
		node.Stop()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "the replica leads", func() bool { return node.Standing().Role == core.Leader })
	return &sole{t: t, Replica: r, node: node}
}

// eventually waits until holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for limit := time.Now().Add(patience); !holds(); <-ticker.C {
		if time.Now().After(limit) {
			t.Fatalf("did not happen within %v: %s", patience, what)
		}
	}
}

// execute runs a batch to the end of its first step, as a connection does.
func (s *sole) execute(b *resp.Batch) (done int) {
	woken := make(chan struct{}, 1)
	q := s.NewRequest(func() { woken <- struct{}{} })
	done, ok := q.Begin(b)
	for !ok {
		select {
		case <-woken:
		case <-time.After(patience):
			s.t.Fatalf("a request waits in state %d and nobody wakes it", q.state)
		}
		done, ok = q.Resume()
	}
	return done
}

// do runs one command line and returns its reply as it is on the wire.
func (s *sole) do(line string) string {
	b := resp.Batch{Ops: ops(line)}
	s.execute(&b)
	return string(b.Reply.Buf)
}

// expect runs one command line and compares its reply.
func (s *sole) expect(want, line string) {
	s.t.Helper()
	if got := s.do(line); got != want {
		s.t.Fatalf("%.40q answered %.80q, want %q", line, got, want)
	}
}

// ops makes the ops of a pipeline from command lines.
func ops(lines ...string) []resp.Op {
	var all []resp.Op
	for _, line := range lines {
		var words [][]byte
		for _, word := range strings.Fields(line) {
			words = append(words, []byte(word))
		}
		all = append(all, resp.Op{Command: fsm.Lookup(words[0]), Args: words})
	}
	return all
}
