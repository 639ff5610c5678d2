package lin

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// record lets clients use one machine that runs each command at one instant, and returns what they saw. Instants are drawn, so
// that calls overlap; some replies are lost, and some of these commands with them.
func record(random *rand.Rand, operations, clients, keys int) []Operation {
	table := specs()
	state := make(map[string]cell)
	busyUntil := make([]int64, clients)
	var all []Operation
	for n := range operations {
		client := slices.Index(busyUntil, slices.Min(busyUntil))
		op := Operation{Client: client, Call: busyUntil[client] + 1 + random.Int64N(20), Words: draw(random, n, keys)}
		op.Return = op.Call + random.Int64N(60)
		busyUntil[client] = op.Return
		all = append(all, op)
	}
	// Each acts at one instant of its own.
	instants := make([]int64, len(all))
	order := make([]int, len(all))
	for i, op := range all {
		instants[i], order[i] = op.Call+random.Int64N(op.Return-op.Call+1), i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(instants[a], instants[b]) })
	for _, i := range order {
		op := &all[i]
		lost, done := random.IntN(20) == 0, true
		if lost {
			op.Outcome, done = Unknown, random.IntN(2) == 0
		}
		if !done {
			continue
		}
		s := table[strings.ToLower(op.Words[0])]
		names := s.keys(op.Words)
		c := call{words: op.Words}
		for at, key := range names {
			c.world, c.at = append(c.world, state[key]), append(c.at, at)
		}
		op.Reply = s.run(&c)
		for at, key := range names {
			state[key] = c.world[at]
		}
	}
	return all
}

func draw(random *rand.Rand, n, keys int) []string {
	key := fmt.Sprint("k", random.IntN(keys))
	value := fmt.Sprintf("<%d>", n)
	switch random.IntN(12) {
	case 0:
		return []string{"SET", key, value}
	case 1:
		return []string{"MSET", key, value, key + "'", value}
	case 2:
		return []string{"MGET", key, key + "'"}
	case 3, 4, 5, 6:
		return []string{"APPEND", key, value}
	case 7:
		return []string{"INCR", "counter"}
	case 8:
		return []string{"DEL", key + "'"}
	default:
		return []string{"GET", key}
	}
}

// Stale reads that are true somewhere in the past must not make a search long, and one that is not must be found.
func TestManyStaleReads(t *testing.T) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 5))
		h := record(random, 150, 5, 2)
		var stale []Operation
		for _, op := range h {
			if op.Outcome == Done && (op.Words[0] == "GET" || op.Words[0] == "MGET") {
				for range 3 {
					op.Stale = true
					op.Call, op.Return = op.Return+1, op.Return+random.Int64N(1000)+1
					stale = append(stale, op)
				}
			}
		}
		expect(t, slices.Concat(h, stale), Options{}, OK)
		wrong := stale[len(stale)/2]
		wrong.Words, wrong.Reply = []string{"GET", "k0"}, Text("<never>")
		expect(t, slices.Concat(h, stale, []Operation{wrong}), Options{}, Violation)
	}
}

func TestHistoriesOfAnAtomicMachineAreLinearizable(t *testing.T) {
	began, operations := time.Now(), 0
	for seed := range uint64(60) {
		h := record(rand.New(rand.NewPCG(seed, 1)), 400, 5, 6)
		operations += len(h)
		report, err := Check(h, Options{})
		if err != nil || report.Verdict != OK {
			t.Fatalf("seed %d: %s, %v\n%s", seed, report.Verdict, err, report.Explanation)
		}
	}
	t.Logf("%d operations checked in %v", operations, time.Since(began))
}

// A history that tells a falsehood about one operation is not linearizable, unless the falsehood is a possible truth. For
// unique values in reads it never is.
func TestFalsehoodsAreNoticed(t *testing.T) {
	mutations := []struct {
		name string
		// mutate changes an operation, or returns false if it is none to change.
		mutate func(op *Operation, later []Operation) bool
	}{
		{"a read value is cut", func(op *Operation, _ []Operation) bool {
			ok := op.Outcome == Done && op.Words[0] == "GET" && strings.Count(op.Reply.Text, "<") > 1
			op.Reply.Text = op.Reply.Text[strings.Index(op.Reply.Text, ">")+1:]
			return ok
		}},
		{"a read value is doubled", func(op *Operation, _ []Operation) bool {
			ok := op.Outcome == Done && op.Words[0] == "GET" && op.Reply.Kind == KindText
			op.Reply.Text += op.Reply.Text
			return ok
		}},
		{"a write that was seen was never done", func(op *Operation, later []Operation) bool {
			ok := op.Words[0] == "APPEND" && slices.ContainsFunc(later, func(read Operation) bool {
				return read.Outcome == Done && read.Words[0] == "GET" && read.Reply.shows(op.Words[2])
			})
			op.Outcome = NotDone
			return ok
		}},
		{"a count is off by one", func(op *Operation, _ []Operation) bool {
			ok := op.Outcome == Done && op.Words[0] == "APPEND"
			op.Reply.Int++
			return ok
		}},
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			noticed := 0
			for seed := range uint64(40) {
				h := record(rand.New(rand.NewPCG(seed, 2)), 150, 4, 3)
				at := slices.IndexFunc(h, func(op Operation) bool { return m.mutate(&op, h) })
				if at < 0 {
					continue
				}
				m.mutate(&h[at], h)
				expect(t, h, Options{}, Violation)
				noticed++
			}
			if noticed < 20 {
				t.Errorf("only %d histories had something to change", noticed)
			}
		})
	}
}
