package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/internal/freeport"
	"redoubt/internal/lin"
)

// arena is a cluster with all that can be done to it.
type arena struct {
	options  options
	dir      string
	faults   []fault
	nodes    []node
	links    []link // by node; empty without packet filters
	disks    []disk // by node; empty without small disks
	fabric   *fabric
	ports    freeport.Holder // without packet filters
	observer *observer
	admin    *route
	trace    io.WriteCloser // every fault and when
	start    time.Time
	end      context.CancelFunc // ends the run early

	// calm is held shared by each fault, and alone by whoever waits for the cluster to recover.
	calm sync.RWMutex

	mu          sync.Mutex
	recovery    time.Duration  // the longest time from the last fault to a write
	counts      map[string]int // faults done, by name
	violations  []string
	puzzles     int // histories that could not be judged
	closing     bool
	standstills []standstill
	memory      int // the most that a process took, in KiB
}

// build makes the surroundings of a local cluster and its processes, which it does not start. The caller clears the arena, also
// after an error.
func build(o options, dir, binary string) (a *arena, err error) {
	a = &arena{options: o, dir: dir, counts: make(map[string]int), start: time.Now(), end: func() {}}
	if a.trace, err = os.Create(filepath.Join(dir, "faults.txt")); err != nil {
		return a, err
	}
	has, err := a.surroundings()
	if err != nil {
		return a, err
	}
	for i := range o.nodes {
		p, err := a.newProcess(i, binary, has)
		if err != nil {
			return a, err
		}
		a.nodes = append(a.nodes, p)
	}
	for i, n := range a.nodes {
		ids := make(map[int]uint64)
		for j := range a.nodes {
			ids[j] = uint64(j + 1)
		}
		n.(*process).setArgs(fmt.Sprintf("--node-id=%d", i+1), "--peers="+a.peers(ids))
	}
	has[canRejoin] = true
	return a, a.prepare(has)
}

// prepare chooses the faults that are possible and makes the clients of the arena itself.
func (a *arena) prepare(has map[ability]bool) error {
	for _, f := range faults() {
		switch {
		case !a.options.wants(f.name):
		case f.needs == canNothing || has[f.needs]:
			a.faults = append(a.faults, f)
		case a.options.requireAll:
			return fmt.Errorf("%s is not possible here", f.name)
		default:
			fmt.Printf("left out, not possible here: %s\n", f.name)
		}
	}
	a.observer = newObserver(a.nodes)
	a.admin = newRoute(a.addressesBut(-1), 0, roundLimit)
	return nil
}

// surroundings makes networks and finds out what this machine can do.
func (a *arena) surroundings() (map[ability]bool, error) {
	has := make(map[ability]bool)
	if os.Geteuid() != 0 {
		if a.options.requireAll {
			return nil, errors.New("networks and disks of the nodes' own need root")
		}
		return has, nil
	}
	if err := sweep(); err != nil {
		return nil, err
	}
	var err error
	if a.fabric, err = newFabric(); err != nil {
		return nil, err
	}
	has[canFilter], has[canFill] = true, true
	return has, nil
}

// newProcess places a node.
func (a *arena) newProcess(i int, binary string, has map[ability]bool) (*process, error) {
	p := &process{
		number: i + 1, binary: binary, died: a.died,
		home:    filepath.Join(a.dir, fmt.Sprint("node", i+1)),
		logFile: filepath.Join(a.dir, fmt.Sprintf("node%d.log", i+1)),
	}
	if has[canFill] {
		d, err := mountDisk(p.home, a.options.disk)
		if err != nil {
			return nil, err
		}
		a.disks = append(a.disks, d)
		p.small = true
	} else if err := os.MkdirAll(p.home, 0o700); err != nil {
		return nil, err
	}
	if !has[canFilter] {
		ports, err := a.ports.Take(2)
		if err != nil {
			return nil, err
		}
		p.clientListen, p.peerListen = freeport.Loopback(ports[0]), freeport.Loopback(ports[1])
		return p, nil
	}
	l, err := a.fabric.attach(i + 1)
	if err != nil {
		return nil, err
	}
	a.links = append(a.links, l)
	p.prefix, p.clientListen, p.peerListen = l.prefix, l.address+":6379", l.address+":7379"
	return p, nil
}

// restartPause is how long a node that cannot start is left alone.
const restartPause = 500 * time.Millisecond

// died is told of a process that ended by itself. It is called once for each.
func (a *arena) died(p *process, how string) {
	a.mu.Lock()
	closing := a.closing
	a.mu.Unlock()
	switch {
	case closing:
	case p.foundNoRoom():
		a.tell("%s does not start on a full disk", p.name())
		time.AfterFunc(restartPause, func() { a.restart(p) })
	default:
		a.violate(fmt.Sprintf("%s ended by itself: %s; it printed last:\n%s", p.name(), how, p.logTail(20)), nil)
	}
}

// restart is what a supervisor does. A fault that has killed the node meanwhile starts it itself.
func (a *arena) restart(p *process) {
	a.mu.Lock()
	closing := a.closing
	a.mu.Unlock()
	if !closing && !p.downOnPurpose() {
		if err := p.start(); err != nil {
			a.violate(fmt.Sprintf("%s does not start: %v", p.name(), err), nil)
		}
	}
}

// violate notes a broken promise and ends the run.
func (a *arena) violate(what string, history []lin.Operation) {
	a.mu.Lock()
	a.violations = append(a.violations, what)
	number := len(a.violations)
	a.mu.Unlock()
	fmt.Printf("VIOLATION after %v: %s\n", time.Since(a.start).Round(time.Millisecond), what)
	a.keepHistory(fmt.Sprintf("violation%d.history", number), history)
	a.end()
}

// puzzle notes a history that could not be judged.
func (a *arena) puzzle(what string, history []lin.Operation) {
	a.mu.Lock()
	a.puzzles++
	number := a.puzzles
	a.mu.Unlock()
	fmt.Print("UNDECIDED: ", what)
	a.keepHistory(fmt.Sprintf("undecided%d.history", number), history)
}

// keepHistory writes a history beside the data directories, unless it is nil.
func (a *arena) keepHistory(name string, history []lin.Operation) {
	if history == nil {
		return
	}
	name = filepath.Join(a.dir, name)
	if err := writeHistory(name, history); err != nil {
		fmt.Println("the history could not be written:", err)
		return
	}
	fmt.Println("its history:", name)
}

func writeHistory(name string, history []lin.Operation) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(lin.Write(file, history), file.Close())
}

// tell writes a line to the trace.
func (a *arena) tell(format string, values ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	leader := a.observer.leading() + 1
	fmt.Fprintf(a.trace, "%9.3f  leader %d  %s\n", time.Since(a.start).Seconds(), leader, fmt.Sprintf(format, values...))
}

func (a *arena) count(fault string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[fault]++
}

func (a *arena) broken() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.violations) > 0
}

// heal ends whatever a fault may have left.
func (a *arena) heal() (err error) {
	if len(a.links) > 0 {
		err = a.openAll()
	}
	for _, d := range a.disks {
		err = errors.Join(err, d.free())
	}
	for _, n := range a.nodes {
		err = errors.Join(err, n.thaw(), n.start())
	}
	return err
}

// measure notes how much memory the processes take.
func (a *arena) measure() {
	for _, n := range a.nodes {
		if p, ok := n.(*process); ok {
			resident := p.resident()
			a.mu.Lock()
			a.memory = max(a.memory, resident)
			a.mu.Unlock()
		}
	}
}

// clear takes the processes and their surroundings away. keep: the disks' contents stay.
func (a *arena) clear(keep bool) error {
	a.mu.Lock()
	a.closing = true
	a.mu.Unlock()
	var errs []error
	for _, n := range a.nodes {
		if p, ok := n.(*process); ok {
			errs = append(errs, p.kill())
		}
	}
	for _, d := range a.disks {
		errs = append(errs, d.unmount(keep))
	}
	if a.fabric != nil {
		errs = append(errs, a.fabric.destroy())
	}
	a.ports.Release()
	if a.trace != nil {
		errs = append(errs, a.trace.Close())
	}
	return errors.Join(errs...)
}

// replicas returns what reads each node's own state.
func (a *arena) replicas() (map[string]reader, func()) {
	readers := make(map[string]reader)
	var clients []*redis.Client
	for _, n := range a.nodes {
		c := newClient(n.client(), roundLimit, func(ctx context.Context, conn *redis.Conn) error {
			return conn.Do(ctx, "READONLY", "STALE").Err()
		})
		clients = append(clients, c)
		readers[n.name()] = func(ctx context.Context, key string) (lin.Reply, error) {
			value, err := c.Get(ctx, key).Result()
			if errors.Is(err, redis.Nil) {
				return lin.Null(), nil
			}
			return lin.Text(value), err
		}
	}
	return readers, func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}
}
