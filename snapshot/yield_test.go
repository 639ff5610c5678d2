package snapshot

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestWritingABlockLetsOthersRun: on a single processor whoever is ready to run gets a turn between the steps of a block. Now and
// then the scheduler lets the writer go on nevertheless.
func TestWritingABlockLetsOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	w, err := openStore(t, newDisk(t)).Create(metaOf(2))
	if err != nil {
		t.Fatal(err)
	}
	var turns atomic.Int64
	var stop atomic.Bool
	go func() {
		for !stop.Load() {
			turns.Add(1)
			runtime.Gosched()
		}
	}()
	const blocks = 20
	if _, err := w.Write(make([]byte, blocks*BlockSize)); err != nil {
		t.Fatal(err)
	}
	stop.Store(true)
	if n := turns.Load(); n < blocks*3/2 {
		t.Errorf("another goroutine had %d turns while %d blocks were written", n, blocks)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
}
