package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"redoubt/internal/freeport"
)

// system is one of those that are compared: a leader and its replicas, as processes of this machine.
type system interface {
	// name is the one in tables; key the one in files.
	name() string
	key() string
	// members are the processes, in no order that means anything.
	members() []*process
	// leader waits until a member takes writes, and returns it.
	leader(ctx context.Context) (*process, error)
	// settled returns an error that says what is still under way: a replica that is behind, a snapshot.
	settled() error
	// reload starts a member from a snapshot of all keys, with nobody writing, and returns how long it takes until it has
	// them all, the given one included.
	reload(ctx context.Context, key string) (time.Duration, error)
	// failsOver tells whether a new leader takes over from a dead one without an operator.
	failsOver() bool
	// transfer hands leadership to another member, as planned, and waits until that is said to be done.
	transfer(ctx context.Context) error
	// replace starts a new member with an empty disk in place of one that is killed, whose disk is gone.
	replace(ctx context.Context, lost *process) (*process, error)
	// caughtUp returns an error while a new member does not have all that a full one has.
	caughtUp(member *process) error
	// peers are the addresses between which the members replicate.
	peers() map[string]bool
	// end kills what still runs.
	end() error
}

const (
	// readyLimit is how long a system may take until it serves, on a busy machine.
	readyLimit = time.Minute
	// settleLimit is how long replicas may take to catch up, and snapshots to end.
	settleLimit = 10 * time.Minute
)

// settle waits until a system has nothing to do.
func settle(ctx context.Context, s system) error {
	return eventually(ctx, settleLimit, s.name()+" comes to rest", s.settled)
}

// bgsave asks members for a snapshot each, and returns when they have begun.
func bgsave(members []*process) error {
	for _, p := range members {
		if _, err := ask(p.address, "BGSAVE"); err != nil {
			return fmt.Errorf("%s: BGSAVE: %w", p.name, err)
		}
	}
	return nil
}

// bgsaveRuns tells whether a member writes a snapshot. Both systems say so in the same words.
func bgsaveRuns(p *process) (bool, error) {
	fields, err := info(p.address, "persistence")
	if err != nil {
		return false, err
	}
	return fields["rdb_bgsave_in_progress"] == "1" || fields["aof_rewrite_in_progress"] == "1", nil
}

// startAll starts processes; if one fails the others are killed.
func startAll(members []*process) error {
	for _, p := range members {
		if err := p.start(); err != nil {
			return errors.Join(err, killAll(members))
		}
	}
	return nil
}

func killAll(members []*process) error {
	var errs []error
	for _, p := range members {
		errs = append(errs, p.kill())
	}
	return errors.Join(errs...)
}

// others are the members but one.
func others(s system, but *process) []*process {
	var rest []*process
	for _, p := range s.members() {
		if p != but {
			rest = append(rest, p)
		}
	}
	return rest
}

// newMember names a process and its files within a directory.
func newMember(dir, name, binary string, port int) *process {
	return &process{
		name: name, binary: binary, address: freeport.Loopback(port),
		dir: filepath.Join(dir, name), log: filepath.Join(dir, name+".log"),
	}
}

// newDir makes a directory of its own for a system.
func newDir(parent, name string) (string, error) { return os.MkdirTemp(parent, name+".") }

func removeAll(dir string) error { return os.RemoveAll(dir) }

// eachRuns returns the error of a member that should run and does not.
func eachRuns(members []*process) error {
	for _, p := range members {
		if !p.running() {
			return finalError{p.endedError()}
		}
	}
	return nil
}
