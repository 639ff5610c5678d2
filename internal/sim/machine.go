package sim

import (
	"fmt"
	"slices"
	"time"

	"redoubt/raft"
)

// clusterID is the cluster's name.
const clusterID = "simulated"

// machine is a computer: a disk, a clock, an address, and at most one process that runs a node.
type machine struct {
	w      *world
	number int
	random random
	clock  clock
	disk   *disk
	// id is the node whose data the disk holds, zero while it has none. peers are the members of a new cluster, or, on a
	// machine that joined one, where the members were then.
	id     raft.NodeID
	joined bool
	peers  []raft.Peer
	// instance is the identity that the disk was given.
	instance uint64
	// address is where the node listens for its peers; the port changes when it moves.
	address string
	port    int
	// aliases are names under which it answers at any port.
	aliases [3]string
	// process is the node that runs, or nil.
	process *process
	// lives counts processes.
	lives int
	// lost says why the disk has lost what it attested, or is damaged, and must not come back under its id; empty while it
	// is good.
	lost string
	// attested is the shadow of the disk that was lost: what it had said before still counts.
	attested *shadow
	// flipped names the file in which a bit was inverted; empty if none was.
	flipped string
	// spare: what was damaged is an image, and there was another.
	spare bool
	// sacrificed: it stays down while the cluster recovers.
	sacrificed bool
	// retired: the operator has taken the machine out of service for good.
	retired bool
	// hidden: no client can reach the machine.
	hidden bool
}

// addMachine makes a machine with an empty disk.
func (w *world) addMachine() *machine {
	m := &machine{w: w, number: len(w.machines)}
	m.random = newRandom(w.seed, drawsMachines+uint64(m.number))
	off := w.plan.wallError.Milliseconds()
	m.clock = clock{w: w, wallError: m.random.Int64N(2*off+1) - off}
	if limit := w.plan.driftPPM; limit > 0 {
		m.clock.driftPPM = m.random.Int64N(2*limit+1) - limit
	}
	m.instance = m.random.Uint64() | 1
	m.disk = newDisk(m)
	m.listen(0)
	for i := range m.aliases {
		m.aliases[i] = fmt.Sprintf("alias%d.m%d", i, m.number)
	}
	w.machines = append(w.machines, m)
	w.network.grow()
	return m
}

// firstID is the id of a machine that forms a new cluster.
func (m *machine) firstID() raft.NodeID { return raft.NodeID(m.number + 1) }

// listen gives the machine's node the address of a port.
func (m *machine) listen(port int) {
	m.port, m.address = port, m.addressOf(port)
}

// addressOf is where the machine's node listens for its peers on a port.
func (m *machine) addressOf(port int) string { return fmt.Sprintf("m%d:%d", m.number, port) }

// clientAddress is where the machine's node listens for clients.
func (m *machine) clientAddress() string { return fmt.Sprintf("c%d:6379", m.number) }

// name is what the trace calls the node: its id.
func (m *machine) name() string {
	if m.id == 0 {
		return fmt.Sprintf("m%d", m.number)
	}
	return fmt.Sprintf("n%d", m.id)
}

func (m *machine) trace(format string, args ...any) {
	if m.w.trace.on() {
		m.w.trace.write(m.w.now, m.name(), format, args...)
	}
}

// initialPeers are all machines, as members of a new cluster.
func (w *world) initialPeers() []raft.Peer {
	peers := make([]raft.Peer, len(w.machines))
	for i, m := range w.machines {
		peers[i] = raft.Peer{ID: m.id, Address: m.address}
	}
	return peers
}

// machineAt returns the machine that listens at a peer address now, or nil.
func (w *world) machineAt(address string) *machine {
	for _, m := range w.machines {
		if m.address == address || slices.Contains(m.aliases[:], address) {
			return m
		}
	}
	return nil
}

// machineOf returns the machine that holds a node's data, or nil.
func (w *world) machineOf(id raft.NodeID) *machine {
	for _, m := range w.machines {
		if m.id == id {
			return m
		}
	}
	return nil
}

// up tells whether a process runs, paused or not.
func (m *machine) up() bool { return m.process != nil }

// crash ends the process by force at this instant, in the middle of whatever it does.
func (m *machine) crash(l loss) {
	p := m.process
	m.trace("crash: %v", l)
	m.w.result.Crashes++
	p.end()
	m.disk.survive(l)
	if l != killed {
		m.clock.bootAt = m.w.now
	}
}

// exit ends the process after it has failed by itself. Its page cache stays.
func (m *machine) exit(reason error) {
	m.trace("exits: %v", reason)
	m.process.end()
	m.disk.survive(killed)
}

// stop ends the process in order, and calls then if it has not crashed meanwhile. Who waits for an answer gets one: the
// process ends only after that.
func (m *machine) stop(then func()) {
	p := m.process
	if p.paused || p.stopping {
		return
	}
	m.trace("stops")
	p.stopping = true
	p.raft.Stop()
	if p.dead {
		return
	}
	p.replica.Tick()
	p.later(m.w.plan.loopDelay+time.Millisecond, func() {
		err := p.replica.Close()
		if p.dead {
			return
		}
		m.trace("has stopped: %v", err)
		p.end()
		m.disk.survive(killed)
		then()
	})
}

// startIn starts the machine's node in a while, if it does not run by then.
func (m *machine) startIn(d time.Duration) {
	m.w.after(d, func() {
		if !m.up() && !m.retired && !m.sacrificed && m.lost == "" && m.id != 0 {
			m.start()
		}
	})
}

// wipe replaces the disk with an empty one.
func (m *machine) wipe(why string) {
	if m.up() {
		m.crash(strictPower)
	}
	m.trace("the disk is lost: %s", why)
	if m.lost == "" {
		m.attested = m.disk.shadow
	}
	m.lost = why
	m.disk = newDisk(m)
	m.instance = m.random.Uint64() | 1
}
