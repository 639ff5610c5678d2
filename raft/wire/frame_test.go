package wire_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

const limit = 1 << 26

func reader(b []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(b)) }

func TestFramesAreReadInOrder(t *testing.T) {
	var stream []byte
	all := messages()
	for _, m := range all {
		stream = wire.AppendKeepalive(wire.AppendFrame(stream, m))
	}
	for name, source := range map[string]io.Reader{
		"whole":        bytes.NewReader(stream),
		"half by half": iotest.HalfReader(bytes.NewReader(stream)),
	} {
		r := bufio.NewReaderSize(source, 64)
		var buf []byte
		for i, m := range all {
			body, err := wire.ReadFrame(r, buf, limit)
			if err != nil {
				t.Fatalf("%s: frame %d: %v", name, i, err)
			}
			if want := wire.AppendMessage(nil, m); !bytes.Equal(body, want) {
				t.Fatalf("%s: frame %d differs from what was written", name, i)
			}
			buf = body
			if body, err := wire.ReadFrame(r, nil, limit); err != nil || len(body) != 0 {
				t.Fatalf("%s: keepalive %d: %d bytes, error %v", name, i, len(body), err)
			}
		}
		if _, err := wire.ReadFrame(r, buf, limit); err != io.EOF {
			t.Fatalf("%s: at the end: error %v, want io.EOF", name, err)
		}
	}
}

func TestEveryFlippedBitIsNoticed(t *testing.T) {
	frame := wire.AppendFrame(nil, core.VoteRequest{Envelope: envelope(), Last: core.Position{Index: 5, Term: 6}})
	for bit := range len(frame) * 8 {
		damaged := bytes.Clone(frame)
		damaged[bit/8] ^= 1 << (bit % 8)
		// More bytes follow, so that a longer length finds something to read.
		_, err := wire.ReadFrame(reader(append(damaged, make([]byte, 4096)...)), nil, 1<<10)
		if !errors.Is(err, wire.ErrChecksum) && !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("bit %d flipped: error %v, want ErrChecksum or ErrTooLarge", bit, err)
		}
	}
}

func TestEndInsideAFrameIsNoticed(t *testing.T) {
	frame := wire.AppendFrame(nil, core.TimeoutNow{Envelope: envelope()})
	for n := 1; n < len(frame); n++ {
		if _, err := wire.ReadFrame(reader(frame[:n]), nil, limit); !errors.Is(err, wire.ErrTruncated) {
			t.Errorf("%d of %d bytes: error %v, want ErrTruncated", n, len(frame), err)
		}
	}
}

func TestReadersErrorIsKept(t *testing.T) {
	frame := wire.AppendFrame(nil, core.TimeoutNow{Envelope: envelope()})
	cut := errors.New("cable cut")
	for n := range frame {
		r := bufio.NewReader(io.MultiReader(bytes.NewReader(frame[:n]), iotest.ErrReader(cut)))
		if _, err := wire.ReadFrame(r, nil, limit); !errors.Is(err, cut) {
			t.Errorf("after %d bytes: error %v, want the reader's", n, err)
		}
	}
}

func TestLimitIsExact(t *testing.T) {
	m := core.AppendRequest{Entries: []core.Entry{{Index: 1, Kind: core.EntryCommand, Data: make([]byte, 1000)}}}
	frame := wire.AppendFrame(nil, m)
	body := len(frame) - wire.HeaderBytes
	if _, err := wire.ReadFrame(reader(frame), nil, body); err != nil {
		t.Errorf("a body as long as the limit: %v", err)
	}
	if _, err := wire.ReadFrame(reader(frame), nil, body-1); !errors.Is(err, wire.ErrTooLarge) {
		t.Errorf("a body one byte longer than the limit: error %v, want ErrTooLarge", err)
	}
}

// A length that lies costs the sender the bytes it claims, not the receiver the memory.
func TestLyingLengthAllocatesInSteps(t *testing.T) {
	header := make([]byte, wire.HeaderBytes)
	binary.LittleEndian.PutUint32(header, 1<<30)
	for _, sent := range []int{0, 3 << 20} {
		r := bufio.NewReader(io.MultiReader(bytes.NewReader(header), bytes.NewReader(make([]byte, sent))))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := wire.ReadFrame(r, nil, 1<<30)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, wire.ErrTruncated) {
			t.Errorf("error %v, want ErrTruncated", err)
		}
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(2<<20+4*sent); took > most {
			t.Errorf("a claim of 1 GiB with %d bytes behind it took %d bytes of memory, want at most %d", sent, took, most)
		}
	}
}

func TestLargeBodyArrivesInSteps(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MiB
	frame := wire.AppendFrame(nil, core.AppendRequest{Entries: []core.Entry{{Index: 1, Kind: core.EntryCommand, Data: data}}})
	body, err := wire.ReadFrame(reader(frame), nil, limit)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.DecodeMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.(core.AppendRequest).Entries[0].Data, data) {
		t.Error("a large entry's data changed on the way")
	}
}
