package difftest

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"testing"

	"redoubt/fsm"
)

// tick returns a clock that moves by itself, by a millisecond a look.
func tick() func() int64 {
	now := int64(1_800_000_000_000)
	return func() int64 { now++; return now }
}

// follower applies what a machine logged, without replies, as the replicas do that nobody waits for.
type follower struct {
	machine *fsm.Machine
	t       *testing.T
}

func (f *follower) apply(index uint64, now int64, data []byte) {
	f.machine.Advance(index, now)
	if data == nil {
		return
	}
	batch, err := fsm.DecodeBatch(data)
	if err != nil {
		f.t.Fatal(err)
	}
	for {
		c, ok, err := batch.Next()
		if err != nil {
			f.t.Fatal(err)
		}
		if !ok {
			return
		}
		f.machine.Apply(c.Args, &fsm.Writer{Discard: true})
	}
}

// reload replaces the follower's state by what is left of it after a snapshot and a restart.
func (f *follower) reload(seed uint64) {
	view := f.machine.View()
	defer view.Release()
	var image bytes.Buffer
	if _, err := view.WriteTo(&image); err != nil {
		f.t.Fatalf("seed %d: %v", seed, err)
	}
	loaded, err := fsm.Load(&image)
	if err != nil {
		f.t.Fatalf("seed %d: the state machine does not load what it wrote: %v", seed, err)
	}
	f.machine = loaded
}

// TestReplicasStayEqual checks promise P5 on random scripts: a replica that wants no replies, and one that starts anew
// from a snapshot in between, come to the same digest. And a view that is held meanwhile shows the state that
// it was taken from.
func TestReplicasStayEqual(t *testing.T) {
	generator := NewGenerator(Grammar)
	leader := NewMachine(tick())
	steady := &follower{fsm.New(), t}
	restarted := &follower{fsm.New(), t}
	leader.logged = func(index uint64, now int64, batch []byte) {
		steady.apply(index, now, batch)
		restarted.apply(index, now, batch)
	}
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 7))
		script := generator.Script(seed, 30)
		var view *fsm.View
		var viewed [32]byte
		for i, c := range script.Commands {
			if view == nil && r.IntN(8) == 0 {
				view, viewed = leader.machine.View(), leader.machine.Digest()
			}
			if _, err := leader.Do([]Command{c}, script.Proto); err != nil {
				t.Fatal(err)
			}
			if r.IntN(40) == 0 {
				restarted.reload(seed)
			}
			if view != nil && (r.IntN(8) == 0 || i == len(script.Commands)-1) {
				digest := sha256.New()
				if _, err := view.WriteTo(digest); err != nil {
					t.Fatal(err)
				}
				if viewed != [32]byte(digest.Sum(nil)) {
					t.Fatalf("seed %d: a view changed under %s or a command before it", seed, quoteCommand(c))
				}
				view.Release()
				view = nil
			}
		}
		want := leader.machine.Digest()
		if steady.machine.Digest() != want || restarted.machine.Digest() != want {
			t.Fatalf("seed %d: replicas differ after\n%s", seed, (&Difference{Script: script, At: len(script.Commands) - 1}).String())
		}
	}
}

// FuzzMachine feeds the state machine any words. It must not panic (promise P6), and must reply once to each command.
func FuzzMachine(f *testing.F) {
	generator := NewGenerator(Grammar)
	for seed := range uint64(20) {
		var text []byte
		for _, c := range generator.Script(seed, 10).Commands {
			text = append(text, quoteCommand(c)...)
			text = append(text, '\n')
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		machine := NewMachine(tick())
		for line := range bytes.Lines(data) {
			c, err := parseCommand(string(bytes.TrimSpace(line)))
			if err != nil || isHuge(c) {
				continue
			}
			replies, err := machine.Do([]Command{c}, 3)
			if err != nil {
				t.Fatal(err)
			}
			if parts, ok := elements(append([]byte("*1\r\n"), replies[0]...)); !ok || len(parts) != 1 {
				t.Fatalf("%s: not one reply: %q", quoteCommand(c), replies[0])
			}
		}
	})
}
