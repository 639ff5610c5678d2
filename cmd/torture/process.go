package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"redoubt/internal/child"
)

// node is one member of the cluster under test, and the ways to harm it.
type node interface {
	name() string
	// client is where clients of this machine reach it.
	client() string
	start() error
	// kill ends it as a power cut would.
	kill() error
	// stop asks it to end and waits; the error says if it did not do so in good order.
	stop() error
	freeze() error
	thaw() error
	// claim reserves the node for one fault, unless another has it.
	claim() bool
	release()
}

// stopLimit is how long a node may take to end in good order.
const stopLimit = 30 * time.Second

// process is a node that is a process of this machine.
type process struct {
	number       int
	clientListen string
	peerListen   string
	home         string // holds data/, and is a file system of its own where disks are filled
	logFile      string
	prefix       []string // runs a program in the node's network
	binary       string
	died         func(p *process, how string) // the process has ended and nobody wanted it to
	small        bool                         // its disk is filled now and then

	claimed sync.Mutex

	mu     sync.Mutex
	args   []string // how it is started
	cmd    *exec.Cmd
	exited chan struct{} // closed when cmd has ended
	wanted bool          // its end is
	before int64         // what the log file held when it was started
}

func (p *process) name() string   { return fmt.Sprint("node", p.number) }
func (p *process) client() string { return p.clientListen }
func (p *process) claim() bool    { return p.claimed.TryLock() }
func (p *process) release()       { p.claimed.Unlock() }
func (p *process) data() string   { return filepath.Join(p.home, "data") }

// setArgs says how the process is started from now on, in addition to what is the same always.
func (p *process) setArgs(args ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.args = append([]string{
		"server", "--cluster-id=torture",
		"--listen=" + p.clientListen, "--peer-listen=" + p.peerListen, "--dir=" + p.data(),
		// Small enough that logs are cut and snapshots sent all the time, and that a full disk is noticed soon.
		"--wal-segment-bytes=1mb", "--snapshot-log-bytes=4mb", "--snapshot-log-entries=5000",
	}, args...)
}

// start runs the process, unless it runs. It does not wait until it serves.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		p.wanted = false
		return nil
	}
	output, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	info, err := output.Stat()
	if err != nil {
		return err
	}
	p.before = info.Size()
	words := append(append(append([]string{}, p.prefix...), p.binary), p.args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdout, cmd.Stderr = output, output
	// Of a server that was built with the race detector: a race ends the process, which nobody wants.
	cmd.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	// A run that is itself killed leaves no process behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.wanted = cmd, exited, false
	go p.watch(cmd, exited)
	return nil
}

// watch waits for a process's end, and reports it if it is not wanted.
func (p *process) watch(cmd *exec.Cmd, exited chan struct{}) {
	_ = cmd.Wait() // how it ended is in cmd.ProcessState
	p.mu.Lock()
	wanted := p.wanted // before another start
	close(exited)
	p.mu.Unlock()
	if !wanted {
		p.died(p, cmd.ProcessState.String())
	}
}

// running reports whether the process runs. The caller holds the lock.
func (p *process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// allowEnd says that the process may end by itself.
func (p *process) allowEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = true
}

// downOnPurpose reports whether a fault wants the process to be down.
func (p *process) downOnPurpose() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wanted
}

// signal sends a signal to the process if it runs. With wanted, its end is no surprise then.
func (p *process) signal(s syscall.Signal, wanted bool) (exited chan struct{}, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = p.wanted || wanted
	if !p.running() {
		return nil, nil
	}
	err = p.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return p.exited, err
}

func (p *process) kill() error {
	exited, err := p.signal(syscall.SIGKILL, true)
	if exited != nil && err == nil {
		<-exited
	}
	return err
}

func (p *process) freeze() error { _, err := p.signal(syscall.SIGSTOP, false); return err }
func (p *process) thaw() error   { _, err := p.signal(syscall.SIGCONT, false); return err }

func (p *process) stop() error {
	exited, err := p.signal(syscall.SIGTERM, true)
	if exited == nil || err != nil {
		return err
	}
	if !p.ended(exited, stopLimit) {
		return fmt.Errorf("%s has not ended %v after SIGTERM", p.name(), stopLimit)
	}
	wasJoining := strings.Contains(p.said(), "stopped before the cluster took this node in") // which is no good order, but true
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.cmd.ProcessState.Success() && !wasJoining {
		return fmt.Errorf("%s ended after SIGTERM with %s; it printed last:\n%s", p.name(), p.cmd.ProcessState, p.logTail(10))
	}
	return nil
}

func (p *process) ended(exited chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-exited:
		return true
	case <-timer.C:
		return false
	}
}

// endsWithin reports whether the process ends by itself.
func (p *process) endsWithin(limit time.Duration) bool {
	p.mu.Lock()
	running, exited := p.running(), p.exited
	p.mu.Unlock()
	return !running || p.ended(exited, limit)
}

// resident returns the process's memory in KiB, or 0.
func (p *process) resident() int {
	p.mu.Lock()
	running := p.running()
	pid := 0
	if running {
		pid = p.cmd.Process.Pid
	}
	p.mu.Unlock()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kib int
	_, _ = fmt.Sscan(after, &kib)
	return kib
}

// foundNoRoom reports whether the process ended before it served, because its disk was full. That is for whoever keeps it running to
// try again; a node that serves must go on without room.
func (p *process) foundNoRoom() bool {
	if !p.small {
		return false
	}
	said := p.said()
	return strings.Contains(said, "no space left on device") && !strings.Contains(said, "ready to accept connections")
}

// said returns what the process has printed since it was started last.
func (p *process) said() string {
	data, err := os.ReadFile(p.logFile)
	if err != nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(data[min(p.before, int64(len(data))):])
}

// logTail returns the last lines that the process printed.
func (p *process) logTail(lines int) string { return child.LogTail(p.logFile, lines) }
