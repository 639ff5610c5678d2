package tcpnet_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

// badCable is a connection that, after some bytes, flips a bit or breaks in the middle of a write.
type badCable struct {
	net.Conn
	left int
	flip bool
}

func (c *badCable) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.Conn.Write(b)
	}
	if !c.flip {
		n, _ := c.Conn.Write(b[:c.left])
		c.Conn.Close()
		return n, net.ErrClosed
	}
	b = bytes.Clone(b)
	b[c.left] ^= 0x40
	c.left += 1 << 30
	return c.Conn.Write(b)
}

// Over connections that break and damage bytes, messages are lost; but those that arrive are those
// that were sent, in order and once.
func TestDamageLosesMessagesAndChangesNone(t *testing.T) {
	noGoroutinesLeft(t)
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(1, 2))
	o1, o2 := options(t, 1), options(t, 2)
	o1.Peers = map[core.NodeID]string{2: o2.Listener.Addr().String()}
	o1.Dial = func(ctx context.Context, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		mu.Lock()
		defer mu.Unlock()
		return &badCable{Conn: conn, left: 100 + random.IntN(1<<13), flip: random.IntN(2) == 0}, err
	}
	one, _ := start(t, o1)
	two, err := tcpnet.New(o2)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Close()
	arrived := make(chan struct{}, 1)
	data := func(index uint64) []byte {
		return bytes.Repeat(binary.LittleEndian.AppendUint64(nil, index), 16)
	}
	var last atomic.Uint64
	two.Start(func(m core.Message, _ uint64) {
		entry := m.(core.AppendRequest).Entries[0]
		if before := last.Swap(entry.Index); entry.Index <= before {
			t.Errorf("entry %d arrived after entry %d", entry.Index, before)
		}
		if !bytes.Equal(entry.Data, data(entry.Index)) {
			t.Errorf("entry %d arrived with other data", entry.Index)
		}
		select {
		case arrived <- struct{}{}:
		default:
		}
	})
	deadline := time.After(patience)
	for index := uint64(1); ; index++ {
		one.Send([]core.Message{core.AppendRequest{
			Envelope: core.Envelope{From: 1, To: 2, Term: 1}, Prev: core.Position{Index: index - 1},
			Entries: []core.Entry{{Index: index, Term: 1, Kind: core.EntryCommand, Data: data(index)}},
		}})
		if index%16 != 0 {
			continue
		}
		// Once in a while wait for news, so that the queue is not all that is tested.
		select {
		case <-arrived:
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("not within %v: connections break and frames are damaged; %+v, node 1: %+v", patience, two.Stats(), one.Stats().Peers[2])
		}
		if two.Stats().BadFrames >= 5 && one.Stats().Peers[2].Connects >= 12 && last.Load() > 500 {
			return
		}
	}
}
