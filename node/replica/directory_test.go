package replica

import (
	"errors"
	"testing"

	"redoubt/internal/vfs"
	"redoubt/raft/core"
)

// A first start may end at any operation of the disk: by a signal, or because a sync failed. The next start must not
// believe that what it finds there by name is durable: a power cut after the first acknowledgement would lose all of it.
func TestADirectoryWhoseFirstStartWasCutShortIsDurableAfterTheNext(t *testing.T) {
	options := testOptions(nil)
	options.Dir = "/var/lib/data"
	for cut := uint64(1); ; cut++ {
		disk := vfs.NewMem()
		options.FS = disk
		if startCutAt(disk, options, cut) {
			return
		}
		disk = disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseNone}) // only the process has ended

		options.FS = disk
		s, _, err := openStorage(options)
		if err != nil {
			t.Fatalf("cut at operation %d: the next start: %v", cut, err)
		}
		entries := []core.Entry{{Index: 1, Term: 1, Kind: core.EntryCommand, Data: []byte("acknowledged")}}
		if err := s.Save(core.HardState{Term: 1, Vote: 1}, entries, true); err != nil {
			t.Fatal(err)
		}

		options.FS = disk.CrashClone(vfs.CrashOptions{Loss: vfs.LoseAll})
		s, _, err = openStorage(options)
		if err != nil {
			t.Fatalf("cut at operation %d: after a power cut: %v", cut, err)
		}
		if last := s.log.Last(); last.Index != 1 {
			t.Fatalf("cut at operation %d: after a power cut the log ends at %d; entry 1 was acknowledged", cut, last.Index)
		}
	}
}

// startCutAt opens a directory on a disk whose operations fail from the given one on. It reports whether the start and
// its end needed fewer.
func startCutAt(disk *vfs.Mem, options Options, cut uint64) (finished bool) {
	finished = true
	disk.SetFault(func(op vfs.Op) error {
		if op.Seq < cut {
			return nil
		}
		finished = false
		return errors.New("cut short")
	})
	if s, _, err := openStorage(options); err == nil {
		_ = s.Close() // finished says whether it could
	}
	return finished
}
