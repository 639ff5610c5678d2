package sim

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"redoubt/internal/vfs"
	"redoubt/node/replica"
	"redoubt/raft"
)

// dataDir is where a machine keeps its node's data.
const (
	dataDir     = "/data"
	walDir      = dataDir + "/wal"
	snapshotDir = dataDir + "/snapshot"
)

// errPower is what a process sees of its disk after the power is gone. Nobody hears of what it does then.
var errPower = errors.New("the power is gone")

// errInput is a disk that failed.
var errInput = fmt.Errorf("simulated: %w", syscall.EIO)

// loss says what an end by force leaves of a disk.
type loss uint8

const (
	// killed: the process ends, the page cache stays.
	killed loss = iota
	// strictPower: all that was not synced is lost.
	strictPower
	// power: any subset of what was not synced is lost.
	power
)

func (l loss) String() string {
	return [...]string{"the process is killed", "power cut, all unsynced lost", "power cut, some unsynced lost"}[l]
}

// disk is a machine's disk: a simulated file system with faults to come.
type disk struct {
	m  *machine
	fs *vfs.Mem
	// crashIn, if not zero, is how many changing operations of the kind crashAt the disk still carries out before the machine
	// crashes.
	crashIn   int
	crashAt   moment
	crashLoss loss
	// failSyncs is how many of the next syncs of the kind failAt fail. failedSync is set once one has.
	failSyncs  int
	failAt     moment
	failedSync bool
	// hungUntil: nothing that is begun before then is carried out. slowUntil: everything takes slowFactor times as long.
	hungUntil, slowUntil time.Duration
	slowFactor           int
	// full: there is little room, or none.
	full bool
	// task is the one that runs now, or nil.
	task *task
	// shadow is what the log on this disk must hold, by what the node was told.
	shadow *shadow
}

func newDisk(m *machine) *disk {
	d := &disk{m: m, shadow: newShadow()}
	d.insert(vfs.NewMem())
	return d
}

// insert puts a file system in the place of the one before.
func (d *disk) insert(fs *vfs.Mem) {
	d.fs = fs
	fs.SetFault(d.fault)
}

// fault stands before every operation of the file system.
func (d *disk) fault(op vfs.Op) error {
	m := d.m
	if d.task != nil && !d.task.meet(op) || m.process == nil || m.process.dead {
		return errPower
	}
	if d.crashIn > 0 && op.Kind.Mutates() && d.isAt(d.crashAt, op) {
		if d.crashIn--; d.crashIn == 0 {
			if m.w.trace.on() {
				m.trace("about to %s %s%s at %d, %d bytes", op.Kind, op.Path, arrow(op.To), op.Offset, op.Length)
			}
			m.crash(d.crashLoss)
			m.w.nemesis.crashed(m)
			return errPower
		}
	}
	if d.failsSync(op) {
		d.failSyncs--
		d.failedSync = true
		m.trace("sync of %s fails", op.Path)
		return errInput
	}
	m.w.check.operates(m, op)
	return nil
}

// failsSync tells whether an operation is a sync that is to fail.
func (d *disk) failsSync(op vfs.Op) bool {
	return d.failSyncs > 0 && (op.Kind == vfs.OpSync || op.Kind == vfs.OpSyncDir) && d.isAt(d.failAt, op)
}

// moment is a kind of operations at which something befalls a disk.
type moment uint8

const (
	atAnything moment = iota
	// atImages: images are written, received, renamed or removed.
	atImages
	// atInstalls: an image that a leader has sent is made durable, or the log begins anew behind it.
	atInstalls
)

// isAt tells whether an operation is of a kind.
func (d *disk) isAt(at moment, op vfs.Op) bool {
	switch at {
	case atImages:
		return strings.HasPrefix(op.Path, snapshotDir)
	case atInstalls:
		return d.m.process.installing.Index > 0
	}
	return true
}

func arrow(to string) string {
	if to == "" {
		return ""
	}
	return " -> " + to
}

// survive makes the disk what a crash leaves of it.
func (d *disk) survive(l loss) {
	options := vfs.CrashOptions{Loss: vfs.LoseNone}
	switch l {
	case strictPower:
		options.Loss = vfs.LoseAll
	case power:
		options = vfs.CrashOptions{Loss: vfs.LoseSome, Rand: d.m.random.Rand, TornSectors: d.m.w.plan.disk.tornSectors}
	}
	left := d.fs.CrashClone(options)
	d.fs.SetFault(func(vfs.Op) error { return errPower }) // for what the dead process still does
	d.insert(left)
	d.crashIn, d.failSyncs, d.failedSync, d.task = 0, 0, false, nil
}

// prepareJoin makes the directory of a node that is to join, as the server does before it asks the cluster.
func (d *disk) prepareJoin() *replica.Join {
	d.fs.SetFault(nil)
	defer d.fs.SetFault(d.fault)
	join, err := replica.BeginJoin(d.fs, dataDir, clusterID, func() uint64 { return d.m.instance })
	if err != nil {
		panic("BUG: sim: an empty disk cannot be prepared: " + err.Error())
	}
	return join
}

// completeJoin makes it a member's.
func (d *disk) completeJoin(join *replica.Join, id raft.NodeID, peers []raft.Peer) {
	d.fs.SetFault(nil)
	defer d.fs.SetFault(d.fault)
	if err := errors.Join(join.Complete(id, peers), join.Close()); err != nil {
		panic("BUG: sim: a prepared disk cannot be completed: " + err.Error())
	}
}

// heal ends every fault to come.
func (d *disk) heal() {
	d.crashIn, d.failSyncs, d.hungUntil, d.slowUntil = 0, 0, 0, 0
	d.empty()
}

// fill leaves the disk so much room.
func (d *disk) fill(room int64) {
	d.full = true
	d.fs.SetCapacity(max(1, d.fs.Used()+room))
}

// empty gives the disk room again.
func (d *disk) empty() {
	d.full = false
	d.fs.SetCapacity(0)
}

// latency draws how long work that ends with a sync takes, if it is begun now.
func (d *disk) latency() time.Duration {
	w, p := d.m.w, &d.m.w.plan.disk
	took := d.m.random.duration(p.syncMin, p.syncMax)
	if w.now < d.slowUntil {
		took *= time.Duration(d.slowFactor)
	}
	return took
}

// hung returns how long the disk still hangs.
func (d *disk) hung() time.Duration { return max(0, d.hungUntil-d.m.w.now) }

// files returns the files in a directory of the data directory whose names end so, in order.
func (d *disk) files(dir, suffix string) []string {
	d.fs.SetFault(nil)
	defer d.fs.SetFault(d.fault)
	names, err := d.fs.List(dataDir + "/" + dir)
	if err != nil {
		return nil
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, suffix) {
			found = append(found, dataDir+"/"+dir+"/"+name)
		}
	}
	return found
}

// size returns the length of a file.
func (d *disk) size(name string) int64 {
	d.fs.SetFault(nil)
	defer d.fs.SetFault(d.fault)
	file, err := d.fs.Open(name)
	if err != nil {
		return 0
	}
	defer file.Close()
	size, _ := file.Size()
	return size
}
