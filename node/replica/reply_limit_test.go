package replica

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// times repeats lines.
func times(n int, lines ...string) (all []string) {
	for range n {
		all = append(all, lines...)
	}
	return all
}

// runPipeline executes ops as a connection does, and returns all replies and the most that waited at once.
func runPipeline(n *sole, pipeline []resp.Op) (replies []byte, most int) {
	b := resp.Batch{Ops: pipeline}
	for len(b.Ops) > 0 {
		b.Ops = b.Ops[n.execute(&b):]
		most = max(most, len(b.Reply.Buf))
		replies = append(replies, b.Reply.Buf...)
		b.Reply.Buf = b.Reply.Buf[:0]
	}
	return replies, most
}

func TestP6ReadsBehindAWriteWaitInPieces(t *testing.T) {
	n := startSole(t, nil)
	value := strings.Repeat("v", 512<<10)
	n.expect("+OK\r\n", "SET big "+value)
	replies, most := runPipeline(n, ops(append([]string{"SET k 1"}, times(50, "GET big")...)...))
	if limit := maxReplyBytes + len(value) + 1024; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	if got := bytes.Count(replies, []byte(value)); got != 50 {
		t.Errorf("%d of 50 reads were answered", got)
	}
}

func TestP6ReadsAmongWritesTakeBoundedMemory(t *testing.T) {
	n := startSole(t, nil)
	value := strings.Repeat("v", 400<<10)
	n.expect("+OK\r\n", "SET big "+value)
	replies, most := runPipeline(n, ops(times(300, "GET big", "APPEND log x")...))
	if limit := maxEntryReplyBytes + len(value) + 64<<10; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	if got := bytes.Count(replies, []byte(value)); got != 300 {
		t.Errorf("%d of 300 reads were answered", got)
	}
	n.expect(":300\r\n", "STRLEN log")
}

func TestP6WritesThatReplyValuesTakeBoundedMemory(t *testing.T) {
	n := startSole(t, nil)
	n.expect("+OK\r\n", "SET big "+strings.Repeat("v", 900<<10))
	replies, most := runPipeline(n, ops(append(times(200, "GETEX big PERSIST"), "GET big", "APPEND log x")...))
	if limit := maxEntryReplyBytes + 1<<20; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	// What was done is not called failed (P3), and a read that was not done is.
	if !bytes.HasSuffix(replies, []byte("\r\n")) || !bytes.Contains(replies, []byte("\r\n-UNCERTAIN ")) || !bytes.Contains(replies, []byte("\r\n-TRYAGAIN ")) {
		t.Errorf("replies end with %q, want UNCERTAIN and TRYAGAIN among them", replies[len(replies)-300:])
	}
	n.expect(":1\r\n", "STRLEN log")
}

// Each entry's replies are handed over before many more are gathered: their connections send them, or are closed for the
// memory that they take.
func TestP6RepliesOfManyEntriesAreHandedOverInPieces(t *testing.T) {
	n := startSole(t, nil)
	value := strings.Repeat("v", 512<<10)
	n.expect("+OK\r\n", "SET big "+value)
	n.node.Stop() // from here on the test delivers
	at := n.Index()
	const count = 130 // two in a piece: 65 pieces, and a size that is doubled 60 times overflows
	replies := make([]fsm.Writer, count)
	var entries []raft.Committed
	handedOver, most := 0, 0
	for i := range count {
		pipeline := ops(append(times(4, "GET big"), "SET k 1")...)
		command, _ := encode(pipeline, n.MaxEntryBytes())
		own := &ticket{wake: func() {
			waiting := 0
			for j := handedOver; j < count; j++ {
				waiting += len(replies[j].Buf)
			}
			replies[handedOver].Buf = nil // sent
			handedOver++
			most = max(most, waiting)
		}}
		own.begin(pipeline, &replies[i])
		entry := core.Entry{Index: at + 1 + uint64(i), Term: 1, Kind: core.EntryCommand, Time: n.LogTime(), Data: command}
		entries = append(entries, raft.Committed{Entry: entry, Ticket: own})
	}
	n.Apply(raft.ApplyMsg{Entries: entries})
	if handedOver != count {
		t.Fatalf("%d of %d tickets have ended", handedOver, count)
	}
	if limit := maxLockReplyBytes + 4*len(value) + 64<<10; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
}

// Where many wait, the first have their answers while the rest is being applied: they read them, and ask again, meanwhile.
func TestTheFirstOfACrowdNeedNotWaitForTheLast(t *testing.T) {
	n := startSole(t, nil)
	n.expect("+OK\r\n", "SET k 0")
	n.node.Stop() // from here on the test delivers
	at := n.Index()
	const count = 100
	var entries []raft.Committed
	var answeredAt []uint64
	replies := make([]fsm.Writer, count)
	for i := range count {
		write := ops("INCR k")
		command, _ := encode(write, n.MaxEntryBytes())
		own := &ticket{wake: func() { answeredAt = append(answeredAt, n.Index()-at) }}
		own.begin(write, &replies[i])
		entry := core.Entry{Index: at + 1 + uint64(i), Term: 1, Kind: core.EntryCommand, Time: n.LogTime(), Data: command}
		entries = append(entries, raft.Committed{Entry: entry, Ticket: own})
	}
	n.Apply(raft.ApplyMsg{Entries: entries})
	if len(answeredAt) != count || answeredAt[0] > count/10 || answeredAt[count-1] != count {
		t.Errorf("of %d entries, answers came after %v", count, answeredAt)
	}
	for i := range replies {
		if got, want := string(replies[i].Buf), fmt.Sprintf(":%d\r\n", i+1); got != want {
			t.Fatalf("entry %d answered %q, want %q", i, got, want)
		}
	}
}

func TestP6ReadsAheadOfAWriteAreServedInPieces(t *testing.T) {
	n := startSole(t, nil)
	value := strings.Repeat("v", 400<<10)
	n.expect("+OK\r\n", "SET big "+value)
	replies, most := runPipeline(n, ops(append(times(200, "GET big"), "SET k 1")...))
	if limit := maxReadsAmongWrites*len(value) + 64<<10; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	if got := bytes.Count(replies, []byte(value)); got != 200 || !bytes.HasSuffix(replies, []byte("+OK\r\n")) {
		t.Errorf("%d of 200 reads were answered, and at the end %q", got, replies[len(replies)-40:])
	}
}
