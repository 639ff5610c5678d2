package node

import (
	"bytes"
	"strings"
	"testing"

	"redoubt/fsm"
	"redoubt/resp"
)

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

// times repeats lines.
func times(n int, lines ...string) (all []string) {
	for range n {
		all = append(all, lines...)
	}
	return all
}

// runPipeline executes ops as a connection does, and returns all replies and the most that waited at once.
func runPipeline(n *Node, pipeline []resp.Op) (replies []byte, most int) {
	b := resp.Batch{Ops: pipeline}
	for len(b.Ops) > 0 {
		b.Ops = b.Ops[n.Execute(&b):]
		most = max(most, len(b.Reply.Buf))
		replies = append(replies, b.Reply.Buf...)
		b.Reply.Buf = b.Reply.Buf[:0]
	}
	return replies, most
}

func TestP6ReadsBehindAWriteWaitInPieces(t *testing.T) {
	c := startCluster(t, 1, nil)
	n := c.leader()
	value := strings.Repeat("v", 512<<10)
	n.expect("OK", "SET", "big", value)
	replies, most := runPipeline(n.node, ops(append([]string{"SET k 1"}, times(50, "GET big")...)...))
	if limit := maxReplyBytes + len(value) + 1024; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	if got := bytes.Count(replies, []byte(value)); got != 50 {
		t.Errorf("%d of 50 reads were answered", got)
	}
}

func TestP6ReadsAmongWritesTakeBoundedMemory(t *testing.T) {
	c := startCluster(t, 1, nil)
	n := c.leader()
	value := strings.Repeat("v", 400<<10)
	n.expect("OK", "SET", "big", value)
	replies, most := runPipeline(n.node, ops(times(300, "GET big", "APPEND log x")...))
	if limit := maxEntryReplyBytes + len(value) + 64<<10; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	if got := bytes.Count(replies, []byte(value)); got != 300 {
		t.Errorf("%d of 300 reads were answered", got)
	}
	n.expect("300", "STRLEN", "log")
}

func TestP6WritesThatReplyValuesTakeBoundedMemory(t *testing.T) {
	c := startCluster(t, 1, nil)
	n := c.leader()
	n.expect("OK", "SET", "big", strings.Repeat("v", 900<<10))
	replies, most := runPipeline(n.node, ops(append(times(200, "GETEX big PERSIST"), "GET big", "APPEND log x")...))
	if limit := maxEntryReplyBytes + 1<<20; most > limit {
		t.Errorf("%d bytes of replies waited at once, want at most %d (P6)", most, limit)
	}
	// What was done is not called failed (P3), and a read that was not done is.
	if !bytes.HasSuffix(replies, []byte("\r\n")) || !bytes.Contains(replies, []byte("\r\n-UNCERTAIN ")) || !bytes.Contains(replies, []byte("\r\n-TRYAGAIN ")) {
		t.Errorf("replies end with %q, want UNCERTAIN and TRYAGAIN among them", replies[len(replies)-300:])
	}
	n.expect("1", "STRLEN", "log")
}
