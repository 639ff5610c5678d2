package wire_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// FuzzDecodeMessage: no body panics, and what is accepted is exactly what the encoder writes.
func FuzzDecodeMessage(f *testing.F) {
	for _, m := range messages() {
		if body := wire.AppendMessage(nil, m); len(body) < 1<<12 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := wire.DecodeMessage(body)
		if err != nil {
			if m != nil || !errors.Is(err, wire.ErrMalformed) {
				t.Fatalf("message %+v with error %v", m, err)
			}
			return
		}
		again := wire.AppendMessage(nil, m)
		if !bytes.Equal(again, body) {
			t.Fatalf("%T has two encodings:\n% x\n% x", m, body, again)
		}
		if bound := wire.SizeBound(m); len(again)+wire.HeaderBytes > bound {
			t.Fatalf("%T: a frame of %d bytes exceeds its bound of %d", m, len(again)+wire.HeaderBytes, bound)
		}
	})
}

// FuzzMessageRoundTrip: whatever values the fields hold, they arrive.
func FuzzMessageRoundTrip(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(3), uint64(4), uint64(5), int64(6), true, []byte("data"), []byte("more"))
	f.Fuzz(func(t *testing.T, from, to, term, a, b uint64, n int64, flag bool, x, y []byte) {
		e := core.Envelope{From: core.NodeID(from), To: core.NodeID(to), Term: term}
		p := core.Position{Index: a >> 1, Term: b}
		entries := []core.Entry{
			{Index: p.Index + 1, Term: b, Kind: core.EntryCommand, Time: n, Data: orNil(x)},
			{Index: p.Index + 2, Term: a, Kind: core.EntryConfiguration, Time: -n, Data: orNil(y)},
		}
		for _, m := range []core.Message{
			core.PreVoteRequest{Envelope: e, Last: p},
			core.PreVoteReply{Envelope: e, Granted: flag, Current: a},
			core.VoteRequest{Envelope: e, Last: p, Transfer: flag},
			core.VoteReply{Envelope: e, Granted: flag, Wall: n},
			core.AppendRequest{Envelope: e, Prev: p, Entries: entries, Commit: a, Round: b},
			core.AppendReply{Envelope: e, Match: a, Round: b},
			core.AppendReject{Envelope: e, Prev: p, Hint: core.Position{Index: b, Term: a}, Round: b},
			core.HeartbeatRequest{Envelope: e, Commit: a, Round: b},
			core.HeartbeatReply{Envelope: e, Round: b},
			core.SnapshotReply{Envelope: e, Index: a, Next: n &^ (-1 << 63), Installed: flag, Round: b},
			core.TimeoutNow{Envelope: e},
			core.ReadRequest{Envelope: e, ID: a},
			core.ReadReply{Envelope: e, ID: b, Index: a, Refused: flag},
		} {
			got, err := wire.DecodeMessage(wire.AppendMessage(nil, m))
			if err != nil {
				t.Fatalf("%T: %v", m, err)
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("%T changed on the way:\n got %+v\nwant %+v", m, got, m)
			}
		}
	})
}

// FuzzReadFrame: no stream panics, a frame that is accepted is the one that is written for its body,
// and how the bytes are cut into reads makes no difference.
func FuzzReadFrame(f *testing.F) {
	for _, m := range messages() {
		if frame := wire.AppendFrame(nil, m); len(frame) < 1<<12 {
			f.Add(wire.AppendKeepalive(frame))
			f.Add(frame[:len(frame)-1])
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		const max = 1 << 16
		r := bufio.NewReader(bytes.NewReader(stream))
		slow := bufio.NewReaderSize(iotest.OneByteReader(bytes.NewReader(stream)), 16)
		var buf []byte
		for offset := 0; ; {
			body, err := wire.ReadFrame(r, buf, max)
			same, slowErr := wire.ReadFrame(slow, nil, max)
			if (err == nil) != (slowErr == nil) || !bytes.Equal(body, same) {
				t.Fatalf("offset %d: %d bytes and %v at once, %d bytes and %v byte by byte", offset, len(body), err, len(same), slowErr)
			}
			if err == io.EOF && offset == len(stream) {
				return
			}
			if err != nil {
				if !errors.Is(err, wire.ErrChecksum) && !errors.Is(err, wire.ErrTooLarge) && !errors.Is(err, wire.ErrTruncated) {
					t.Fatalf("offset %d: error %v", offset, err)
				}
				return
			}
			frame := append(wire.BeginFrame(nil), body...)
			wire.EndFrame(frame, 0)
			if !bytes.HasPrefix(stream[offset:], frame) {
				t.Fatalf("offset %d: a frame was accepted that is not the one for its body", offset)
			}
			offset += len(frame)
			buf = body
		}
	})
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
