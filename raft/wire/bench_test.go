package wire_test

import (
	"testing"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

func batch() core.Message {
	m := core.AppendRequest{Envelope: envelope(), Prev: core.Position{Index: 1 << 30, Term: 7}}
	for i := range 16 {
		m.Entries = append(m.Entries, core.Entry{
			Index: m.Prev.Index + 1 + uint64(i), Term: 7, Kind: core.EntryCommand, Time: 1 << 40, Data: make([]byte, 128),
		})
	}
	return m
}

func BenchmarkAppendFrame(b *testing.B) {
	m := batch()
	buf := wire.AppendFrame(nil, m)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = wire.AppendFrame(buf[:0], m)
	}
}

func BenchmarkDecodeMessage(b *testing.B) {
	body := wire.AppendMessage(nil, batch())
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.DecodeMessage(body); err != nil {
			b.Fatal(err)
		}
	}
}
