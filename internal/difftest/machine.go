package difftest

import (
	"fmt"

	"redoubt/fsm"
)

// Machine is an Executor that runs commands on a state machine in this process, as a node would with a log of its
// own: writes go through a batch's encoding into an entry with the clock's stamp, reads are told the clock.
type Machine struct {
	machine *fsm.Machine
	clock   func() int64
	batch   []byte
	// logged is told of each entry before it is applied; nil means nobody.
	logged func(index uint64, now int64, batch []byte)
}

// NewMachine returns an executor on an empty state machine. The clock returns milliseconds since the Unix epoch.
func NewMachine(clock func() int64) *Machine {
	return &Machine{machine: fsm.New(), clock: clock}
}

// Do implements Executor.
func (e *Machine) Do(commands []Command, proto int) ([][]byte, error) {
	replies := make([][]byte, len(commands))
	for i, c := range commands {
		w := fsm.Writer{Proto: proto}
		if row := fsm.Lookup(c[0]); row != nil && row.Keyed() && !row.Writes() {
			e.read(c, &w)
		} else if err := e.write(c, &w); err != nil {
			return nil, fmt.Errorf("%s: %w", quoteCommand(c), err)
		}
		replies[i] = w.Buf
	}
	return replies, nil
}

func (e *Machine) read(c Command, w *fsm.Writer) {
	now := e.clock()
	if e.machine.Read(now, c, w) {
		// The key's deadline has passed by the clock: an entry says so in the log first.
		e.advance(now, nil)
		e.machine.Read(now, c, w)
	}
}

func (e *Machine) write(c Command, w *fsm.Writer) error {
	e.batch = fsm.AppendCommand(fsm.AppendBatchHeader(e.batch[:0]), 0, 0, c)
	batch, err := fsm.DecodeBatch(e.batch)
	if err != nil {
		return err
	}
	e.advance(e.clock(), e.batch)
	for {
		command, ok, err := batch.Next()
		if err != nil || !ok {
			return err
		}
		e.machine.Apply(command.Args, w)
	}
}

// advance begins an entry.
func (e *Machine) advance(now int64, batch []byte) {
	index := e.machine.Index() + 1
	if e.logged != nil {
		e.logged(index, now, batch)
	}
	e.machine.Advance(index, now)
}
