package fsm

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// TestStateStaysTheSame: after a fixed log the digests and checksums are what they were when the format was made, whatever
// structures hold the keys meanwhile. Replicas of different builds compare theirs, and load each other's images.
func TestStateStaysTheSame(t *testing.T) {
	h := sha256.New()
	for seed := range uint64(6) {
		g := newGenerator(seed, 100+int(seed)*400)
		m := New()
		w := Writer{Discard: true}
		for index := uint64(1); index <= 8000; index++ {
			m.Advance(index, 1_000_000+int64(index)*int64(1+seed))
			m.Apply(g.command(), &w)
			switch {
			case index%1500 == 0:
				m.Apply([][]byte{[]byte("set"), []byte(g.key()), []byte(strings.Repeat("long", g.IntN(5000)))}, &w)
			case index%500 == 0:
				_, sum := m.Checksum()
				digest := m.Digest()
				h.Write(binary.LittleEndian.AppendUint64(digest[:], sum))
			}
		}
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)[:12]); got != "d4e071d4a4ee150740ab27fc" {
		t.Errorf("the states' digests and sums hash to %s", got)
	}
}
