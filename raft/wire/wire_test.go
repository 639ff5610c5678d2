package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

func envelope() core.Envelope { return core.Envelope{From: 1, To: 300, Term: 1 << 40} }

func configuration() core.Configuration {
	return core.Configuration{Members: []core.Member{
		{ID: 1, Address: "one.example:7000", Voter: true},
		{ID: 2, Address: "", Voter: true, OldVoter: true},
		{ID: math.MaxUint64, Address: strings.Repeat("a", 200)},
	}}
}

// messages holds every kind, with small, large and empty fields.
func messages() []core.Message {
	e := envelope()
	p := core.Position{Index: 77, Term: 9}
	large := bytes.Repeat([]byte{0xab}, 1<<20)
	return []core.Message{
		core.PreVoteRequest{Envelope: e, Last: p},
		core.PreVoteRequest{},
		core.PreVoteReply{Envelope: e, Granted: true, Current: 8},
		core.VoteRequest{Envelope: e, Last: p, Transfer: true},
		core.VoteReply{Envelope: e, Granted: true, Wall: -5},
		core.VoteReply{Envelope: e, Wall: math.MaxInt64},
		core.AppendRequest{Envelope: e, Prev: p, Commit: 70, Round: 3},
		core.AppendRequest{Envelope: e, Prev: p, Commit: 70, Round: 3, Entries: []core.Entry{
			{Index: 78, Term: 9, Kind: core.EntryNoop, Time: 1},
			{Index: 79, Term: 10, Kind: core.EntryCommand, Time: math.MinInt64, Data: []byte("x")},
			{Index: 80, Term: 10, Kind: core.EntryConfiguration, Time: math.MaxInt64, Data: large},
		}},
		core.AppendReply{Envelope: e, Match: math.MaxUint64, Round: 4},
		core.AppendReject{Envelope: e, Prev: p, Hint: core.Position{Index: 3, Term: 2}, Round: 5},
		core.HeartbeatRequest{Envelope: e, Commit: 12, Round: 6},
		core.HeartbeatReply{Envelope: e, Round: 7},
		core.SnapshotChunk{Envelope: e, Meta: core.SnapshotMeta{Position: p, Time: -9, Configuration: configuration()},
			Size: 10, Offset: 7, Data: []byte("end"), Checksum: 0xdeadbeef, Round: 8},
		core.SnapshotReply{Envelope: e, Index: 77, Next: math.MaxInt64, Installed: true, Round: 9},
		core.TimeoutNow{Envelope: e},
		core.ReadRequest{Envelope: e, ID: math.MaxUint64},
		core.ReadReply{Envelope: e, ID: 1, Index: 1 << 40},
		core.ReadReply{Envelope: e, ID: math.MaxUint64, Refused: true},
	}
}

func TestEveryKindRoundTrips(t *testing.T) {
	kinds := map[byte]bool{}
	for _, m := range messages() {
		body := wire.AppendMessage(nil, m)
		kinds[body[0]] = true
		got, err := wire.DecodeMessage(body)
		if err != nil {
			t.Errorf("%T: decoding what was encoded: %v", m, err)
			continue
		}
		if !reflect.DeepEqual(got, m) {
			t.Errorf("%T changed on the way:\n got %+v\nwant %+v", m, got, m)
		}
	}
	if len(kinds) != 14 {
		t.Errorf("%d kinds were tried, there are 14", len(kinds))
	}
}

// The layout is a promise to older and newer nodes: docs/FORMAT.md states it.
func TestLayoutIsFixed(t *testing.T) {
	m := core.AppendRequest{
		Envelope: core.Envelope{From: 1, To: 2, Term: 300},
		Prev:     core.Position{Index: 5, Term: 4}, Commit: 3, Round: 128,
		Entries: []core.Entry{{Index: 6, Term: 300, Kind: core.EntryCommand, Time: 0x0102, Data: []byte("hi")}},
	}
	body := []byte{
		5, 1, 2, 0xac, 0x02, // kind, from, to, term
		5, 4, 3, 0x80, 0x01, 1, // prev, commit, round, count
		2, 0xac, 0x02, 0x02, 0x01, 0, 0, 0, 0, 0, 0, 2, 'h', 'i',
	}
	if got := wire.AppendMessage(nil, m); !bytes.Equal(got, body) {
		t.Fatalf("body\n got % x\nwant % x", got, body)
	}
	length := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	sum := crc32.Checksum(append(bytes.Clone(length), body...), crc32.MakeTable(crc32.Castagnoli))
	frame := append(binary.LittleEndian.AppendUint32(bytes.Clone(length), sum), body...)
	if got := wire.AppendFrame([]byte("before"), m); !bytes.Equal(got, append([]byte("before"), frame...)) {
		t.Fatalf("frame\n got % x\nwant % x", got, frame)
	}
}

func TestEveryPrefixAndExtensionIsRefused(t *testing.T) {
	for _, m := range messages() {
		body := wire.AppendMessage(nil, m)
		if len(body) > 1<<12 {
			continue
		}
		for n := range body {
			if _, err := wire.DecodeMessage(body[:n:n]); !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("%T cut to %d of %d bytes: error %v, want ErrMalformed", m, n, len(body), err)
			}
		}
		if _, err := wire.DecodeMessage(append(body, 0)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%T with a byte behind it: error %v, want ErrMalformed", m, err)
		}
	}
}

func TestMalformedBodiesAreRefused(t *testing.T) {
	head := []byte{5, 1, 2, 3} // an append request from 1 to 2 in term 3
	for _, c := range []struct {
		name string
		body []byte
		says string
	}{
		{"unknown kind", []byte{15, 1, 2, 3}, "unknown kind"},
		{"kind zero", []byte{0, 1, 2, 3}, "unknown kind"},
		{"uvarint in a longer form", []byte{12, 0x81, 0x00, 2, 3}, "from"},
		{"uvarint past 64 bits", append([]byte{12}, bytes.Repeat([]byte{0xff}, 11)...), "from"},
		{"bool of two", []byte{2, 1, 2, 3, 2, 1}, "granted"},
		{"a count beyond the body", append(head, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f), "entries"},
		{"indexes past 64 bits", append(append(append(head, bytes.Repeat([]byte{0xff}, 9)...), 1, 0, 0, 0, 1), make([]byte, 11)...), "after index"},
		{"entry kind zero", append(append(head, 1, 1, 0, 0, 1), make([]byte, 11)...), "entry kind 0"},
		{"entry data beyond the body", append(head, 1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 9), "entry data"},
		{"negative next", []byte{11, 1, 2, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0}, "negative"},
	} {
		m, err := wire.DecodeMessage(c.body)
		if !errors.Is(err, wire.ErrMalformed) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %+v, error %v, want ErrMalformed that says %q", c.name, m, err, c.says)
		}
	}
}

func TestSnapshotPieceOutsideItsImageIsRefused(t *testing.T) {
	for _, c := range []core.SnapshotChunk{
		{Size: 2, Offset: 3},
		{Size: 2, Offset: 0, Data: []byte("abc")},
		{Size: math.MaxInt64, Offset: math.MaxInt64, Data: []byte("a")},
		{Size: -1},
		{Size: 5, Offset: -1},
	} {
		if _, err := wire.DecodeMessage(wire.AppendMessage(nil, c)); !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("size %d, offset %d, %d bytes: error %v, want ErrMalformed", c.Size, c.Offset, len(c.Data), err)
		}
	}
}

// A peer must not buy memory with a count: what decoding takes stays in proportion to the body.
func TestDecodingTakesMemoryInProportion(t *testing.T) {
	const entries = 10000
	m := core.AppendRequest{}
	for i := range entries {
		m.Entries = append(m.Entries, core.Entry{Index: uint64(i) + 1, Kind: core.EntryNoop})
	}
	body := wire.AppendMessage(nil, m)
	// The same claim, and nothing behind it.
	lie := body[:12]
	for _, c := range []struct {
		body  []byte
		limit uint64
	}{{body, uint64(8 * len(body))}, {lie, 4 << 10}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wire.DecodeMessage(c.body)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > c.limit {
			t.Errorf("decoding %d bytes took %d bytes of memory, want at most %d", len(c.body), took, c.limit)
		}
	}
}

func TestEntriesThatDoNotContinuePrevPanic(t *testing.T) {
	defer func() {
		if r := recover(); r == nil || !strings.HasPrefix(r.(string), "BUG: ") {
			t.Errorf("recovered %v, want a panic that begins with BUG", r)
		}
	}()
	wire.AppendMessage(nil, core.AppendRequest{Prev: core.Position{Index: 4}, Entries: []core.Entry{{Index: 6, Kind: core.EntryNoop}}})
}

func TestSizeBoundHolds(t *testing.T) {
	for _, m := range messages() {
		if bound, size := wire.SizeBound(m), len(wire.AppendFrame(nil, m)); size > bound || bound > size+512 {
			t.Errorf("%T: bound of %d for a frame of %d bytes", m, bound, size)
		}
	}
	worst := core.SnapshotChunk{Envelope: core.Envelope{From: math.MaxUint64, To: math.MaxUint64, Term: math.MaxUint64}, Round: math.MaxUint64}
	worst.Meta.Position = core.Position{Index: math.MaxUint64, Term: math.MaxUint64}
	for range 1000 {
		worst.Meta.Configuration.Members = append(worst.Meta.Configuration.Members, core.Member{
			ID: math.MaxUint64 - 1000 + core.NodeID(len(worst.Meta.Configuration.Members)), Voter: true, OldVoter: true,
		})
	}
	if bound, size := wire.SizeBound(worst), len(wire.AppendFrame(nil, worst)); size > bound {
		t.Errorf("bound of %d for a frame of %d bytes", bound, size)
	}
}

func TestEncodingAllocatesOnlyRoom(t *testing.T) {
	for _, m := range messages() {
		buf := make([]byte, 0, wire.SizeBound(m))
		if n := testing.AllocsPerRun(20, func() { wire.AppendFrame(buf, m) }); n != 0 {
			t.Errorf("%T: %v allocations in an encoding with enough room, want 0", m, n)
		}
	}
}

// What is appended to one entry's data must not reach the next entry.
func TestDecodedDataHasNoSpareCapacity(t *testing.T) {
	body := wire.AppendMessage(nil, core.AppendRequest{Entries: []core.Entry{
		{Index: 1, Kind: core.EntryCommand, Data: []byte("first")}, {Index: 2, Kind: core.EntryCommand, Data: []byte("second")},
	}})
	m, err := wire.DecodeMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	entries := m.(core.AppendRequest).Entries
	_ = append(entries[0].Data, bytes.Repeat([]byte("!"), 30)...)
	if string(entries[1].Data) != "second" {
		t.Errorf("an append to the first entry's data turned the second's into %q", entries[1].Data)
	}
}
