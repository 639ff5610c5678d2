// Package difftest finds out where Redoubt answers a client otherwise than Redis does.
//
// A seed draws a script: a few dozen commands over a small pool of keys, valid and invalid. The script runs
// on two executors, usually an in-process state machine and Debian's redis-server, and each pair of replies
// is compared byte for byte. The few commands whose reply may differ by design (the order of KEYS, a
// remaining time) have an explicit rule in rules.go. A difference is shrunk by dropping commands, and
// printed as a transcript that can be pasted into testdata, where it stays as a regression case.
//
// The tests that need a redis-server carry the build tag "redis":
//
//	go test -tags redis ./internal/difftest -seeds 2000
package difftest

import (
	"fmt"
	"strings"
)

// Command is the words of one command line, its name first. It has at least one word.
type Command [][]byte

// Script is a sequence of commands that starts on an empty keyspace.
type Script struct {
	// Seed is what the script was drawn from; zero for a script written by hand.
	Seed uint64
	// Proto is the RESP version of the connection, 2 or 3.
	Proto    int
	Commands []Command
}

// Executor runs commands and returns raw replies.
type Executor interface {
	// Do runs the commands in order, as one pipeline of a connection that speaks RESP version proto. It
	// returns one raw reply for each. An error means that the executor is broken, never that a
	// command failed.
	Do(commands []Command, proto int) (replies [][]byte, err error)
}

// Difference is a command that was answered differently.
type Difference struct {
	Script Script
	// At is the index of the command in the script.
	At           int
	Ours, Theirs []byte
}

// String prints the seed, the script up to the difference, and both replies.
func (d *Difference) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, RESP%d:\n", d.Script.Seed, d.Script.Proto)
	for _, c := range d.Script.Commands[:d.At+1] {
		fmt.Fprintf(&b, "    %s\n", quoteCommand(c))
	}
	fmt.Fprintf(&b, "ours:   %s\ntheirs: %s\n", abridged(d.Ours, d.Theirs), abridged(d.Theirs, d.Ours))
	return b.String()
}

// Compare runs a script on both executors and returns the first difference, or nil.
func Compare(ours, theirs Executor, script Script) (*Difference, error) {
	a, err := observe(ours, script)
	if err != nil {
		return nil, fmt.Errorf("difftest: seed %d: ours: %w", script.Seed, err)
	}
	b, err := observe(theirs, script)
	if err != nil {
		return nil, fmt.Errorf("difftest: seed %d: theirs: %w", script.Seed, err)
	}
	for i, c := range script.Commands {
		if !agree(c, a[i], b[i]) {
			return &Difference{Script: script, At: i, Ours: a[i].reply, Theirs: b[i].reply}, nil
		}
	}
	return nil, nil
}

// observation is what one executor showed for one command.
type observation struct {
	reply []byte
	// before is the reply of the command's prelude, if it has one.
	before []byte
}

// observe runs a script on an emptied keyspace. Commands travel in pipelines; only a SCAN, whose next
// words depend on its last reply, ends one.
func observe(e Executor, script Script) ([]observation, error) {
	observations := make([]observation, len(script.Commands))
	pipeline := []Command{words("FLUSHALL")}
	// places says where the reply to each command of the pipeline belongs.
	places := []*[]byte{new([]byte)}
	flush := func() error {
		replies, err := e.Do(pipeline, script.Proto)
		if err != nil {
			return err
		}
		if len(replies) != len(pipeline) {
			return fmt.Errorf("%d replies to %d commands", len(replies), len(pipeline))
		}
		for i, reply := range replies {
			*places[i] = reply
		}
		pipeline, places = pipeline[:0], places[:0]
		return nil
	}
	for i, c := range script.Commands {
		if prelude := preludeOf(c); prelude != nil {
			pipeline, places = append(pipeline, prelude), append(places, &observations[i].before)
		}
		if !startsScan(c) {
			pipeline, places = append(pipeline, c), append(places, &observations[i].reply)
			continue
		}
		if err := flush(); err != nil {
			return nil, err
		}
		reply, err := scanAll(e, c, script.Proto)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quoteCommand(c), err)
		}
		observations[i].reply = reply
	}
	return observations, flush()
}

// words makes a command of plain words.
func words(line ...string) Command {
	c := make(Command, len(line))
	for i, w := range line {
		c[i] = []byte(w)
	}
	return c
}
