package fsm

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestReplicasAreEqual is promise P5: machines that are fed the same log have the same state and
// give the same replies, also if one of them discards replies, was loaded from a snapshot on the
// way, or has views open.
func TestReplicasAreEqual(t *testing.T) {
	for seed := range uint64(8) {
		g := newGenerator(seed, 400)
		leader, follower := New(), New()
		var views []*View
		for index := uint64(1); index <= 300; index++ {
			entry := AppendBatchHeader(nil)
			for range g.IntN(20) {
				entry = AppendCommand(entry, uint64(g.IntN(9)), uint64(g.IntN(300)), g.command())
			}
			if g.IntN(25) == 0 {
				entry = AppendCommand(entry, 0, 0, words(fmt.Sprint("session open ttl ", g.IntN(5))))
			}
			now := 1_000_000 + int64(index)*7 - int64(g.IntN(20))
			var replies Writer
			applyEntry(t, leader, index, now, entry, &replies)
			applyEntry(t, follower, index, now, entry, &Writer{Discard: true})
			switch g.IntN(30) {
			case 0:
				follower = reload(t, follower)
				views = nil
			case 1:
				views = append(views, follower.View())
			case 2:
				for _, v := range views {
					v.Release()
				}
				views = nil
			}
			if index%50 == 0 {
				checkInvariants(t, leader)
				checkInvariants(t, follower)
				if leader.Digest() != follower.Digest() {
					t.Fatalf("seed %d: digests differ at index %d", seed, index)
				}
			}
		}
	}
}

// TestSameContentsSameBytes: the encoding depends on what is there, not on how it came to be.
func TestSameContentsSameBytes(t *testing.T) {
	a, b := New(), New()
	a.Advance(9, 1000)
	b.Advance(9, 1000)
	g := newGenerator(1, 100)
	for range 3000 {
		k := g.key()
		apply(a, "set "+k+" other px 9999")
		apply(a, "append "+k+" more")
	}
	apply(a, "flushall")
	for _, i := range g.Perm(2000) {
		apply(a, "set {tag}"+strings.Repeat("k", i%7)+string(rune('a'+i%26))+" v")
	}
	for i := range 2000 {
		apply(b, "set {tag}"+strings.Repeat("k", i%7)+string(rune('a'+i%26))+" v")
	}
	if !bytes.Equal(image(t, a), image(t, b)) {
		t.Fatal("two machines with the same contents have different images")
	}
}

func applyEntry(t *testing.T, m *Machine, index uint64, now int64, entry []byte, w *Writer) {
	t.Helper()
	m.Advance(index, now)
	batch, err := DecodeBatch(entry)
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, ok, err := batch.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return
		}
		m.ApplyOnce(c.Session, c.Sequence, c.Args, w)
	}
}
