package fsm

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"redoubt/fsm/slab"
)

// counting is a Memory that knows how many spans are out, and spoils what comes back.
type counting struct{ out int }

func (c *counting) Take() []byte {
	c.out++
	return bytes.Repeat([]byte{0xee}, slab.SpanBytes)
}

func (c *counting) Give(span []byte) {
	c.out--
	copy(span, bytes.Repeat([]byte{0xdd}, len(span)))
}

// TestMachineAgainstMap compares a machine with a plain map through random commands of all sizes, with views that come and go
// in between and must show the state they were made from, while memory is given back and blocks are moved.
func TestMachineAgainstMap(t *testing.T) {
	for seed := range uint64(4) {
		r := modelRun{t: t, random: rand.New(rand.NewPCG(seed, 9)), model: make(map[string][]byte)}
		memory := &counting{}
		r.m = NewIn(memory)
		r.m.Advance(1, 1000)
		for step := range 30_000 {
			r.step()
			switch {
			case step%977 == 0 && len(r.views) < 3:
				r.views = append(r.views, frozen{r.m.View(), image(t, r.m)})
			case step%1409 == 0 && len(r.views) > 0:
				r.release(r.random.IntN(len(r.views)))
			case step == 15_000 && seed%2 == 0:
				apply(r.m, "flushall")
				clear(r.model)
			case step%3000 == 0:
				r.check()
			}
		}
		for len(r.views) > 0 {
			r.release(0)
		}
		r.check()
		apply(r.m, "flushall")
		for range 10_000 {
			r.m.Advance(2, 1000)
		}
		checkInvariants(t, r.m)
		if !r.m.keys.limbo.empty() || memory.out > 8 {
			t.Fatalf("seed %d: an empty machine holds %d spans", seed, memory.out)
		}
	}
}

// modelRun is a machine, the map that it is compared with, and living views with the images that they must show.
type modelRun struct {
	t      *testing.T
	random *rand.Rand
	m      *Machine
	model  map[string][]byte
	views  []frozen
}

type frozen struct {
	view  *View
	image []byte
}

// step runs a random command on both.
func (r *modelRun) step() {
	key := fmt.Sprintf("key%d", r.random.IntN(1500))
	if r.random.IntN(2) == 0 {
		key = fmt.Sprintf("{tag}%d", r.random.IntN(600))
	}
	value := bytes.Repeat([]byte{byte('a' + r.random.IntN(26))}, r.random.IntN(120))
	if r.random.IntN(40) == 0 {
		value = bytes.Repeat(value, 1+r.random.IntN(90))
	}
	old, there := r.model[key]
	switch r.random.IntN(10) {
	case 0, 1, 2, 3:
		r.run("set", key, string(value))
		r.model[key] = value
	case 4:
		r.run("append", key, string(value))
		r.model[key] = append(bytes.Clone(old), value...)
	case 5:
		at := r.random.IntN(200)
		r.run("setrange", key, fmt.Sprint(at), string(value))
		if len(value) > 0 {
			next := append(bytes.Clone(old), make([]byte, max(0, at+len(value)-len(old)))...)
			copy(next[at:], value)
			r.model[key] = next
		}
	case 6:
		r.run("expire", key, "1000")
	case 7:
		if to := fmt.Sprintf("key%d", r.random.IntN(1500)); there && to != key {
			command := []string{"rename", key, to}
			if r.random.IntN(2) == 0 {
				command = []string{"copy", key, to, "replace"}
			} else {
				delete(r.model, key)
			}
			r.run(command...)
			r.model[to] = old
		}
	case 8:
		n := fmt.Sprint(r.random.IntN(1000))
		r.run("set", key, n)
		r.run("incr", key)
		var next int
		fmt.Sscan(n, &next)
		r.model[key] = fmt.Append(nil, next+1)
	case 9:
		for i := range 1 + r.random.IntN(2)*r.random.IntN(20) {
			k := fmt.Sprint(key[:len(key)-1], i)
			r.run("del", k)
			delete(r.model, k)
		}
	}
}

func (r *modelRun) run(line ...string) {
	args := make([][]byte, len(line))
	for i, word := range line {
		args[i] = []byte(word)
	}
	r.m.Apply(args, &Writer{Discard: true})
}

// release compares a view with what it must show, and ends it.
func (r *modelRun) release(i int) {
	v := r.views[i]
	r.views = append(r.views[:i], r.views[i+1:]...)
	var b bytes.Buffer
	if v.view.WriteTo(&b); !bytes.Equal(b.Bytes(), v.image) {
		r.t.Fatal("a view shows another state than the one it was made from")
	}
	v.view.Release()
}

func (r *modelRun) check() {
	r.t.Helper()
	checkInvariants(r.t, r.m)
	if r.m.keys.count != len(r.model) {
		r.t.Fatalf("%d keys, the model has %d", r.m.keys.count, len(r.model))
	}
	for key, value := range r.model {
		if got, want := apply(r.m, "get "+key), fmt.Sprintf("$%d\r\n%s\r\n", len(value), value); got != want {
			r.t.Fatalf("GET %s: %.80q, want %.80q", key, got, want)
		}
	}
}

// fill sets keys of 16 bytes to values of a size.
func fill(m *Machine, first, n, size int) {
	w := Writer{Discard: true}
	args := [][]byte{[]byte("set"), nil, bytes.Repeat([]byte("v"), size)}
	for i := first; i < first+n; i++ {
		args[1] = fmt.Appendf(args[1][:0], "key:%012d", i)
		m.Apply(args, &w)
	}
}

// TestFragmentationIsBounded: nine of ten keys go, and others with longer values come, over and over. What the keys
// hold stays near to what they need.
func TestFragmentationIsBounded(t *testing.T) {
	const keys = 40_000
	memory := &counting{}
	m := NewIn(memory)
	w := Writer{Discard: true}
	for round, size := range []int{100, 140, 30, 900, 100} {
		first := round * keys
		fill(m, first, keys, size)
		for i := range keys {
			if i%10 != 3 {
				m.Apply([][]byte{[]byte("del"), fmt.Appendf(nil, "key:%012d", first+i)}, &w)
			}
		}
		for i := range 3000 {
			m.Advance(uint64(i), 1000)
		}
		checkInvariants(t, m)
		var need int
		m.keys.walk(0, 0, func(_ int, r record) bool { need += slab.RoundUp(r.recordSize()) + 2*linkBytes; return true })
		// 5 sizes of records and some 40 of pages may have three spans of room each.
		if held, allowed := memory.out*slab.SpanBytes, need*4/3+120*slab.SpanBytes; held > allowed {
			t.Errorf("round %d: %d bytes for records and pages of %d", round, held, need)
		}
	}
}

// TestMemoryOfAView: what is written under a view costs as much again, and comes back after it.
func TestMemoryOfAView(t *testing.T) {
	const keys = 50_000
	memory := &counting{}
	m := NewIn(memory)
	fill(m, 0, keys, 100)
	before := memory.out
	v := m.View()
	fill(m, 0, keys, 100)
	if under := memory.out; under > before*21/10+10 {
		t.Errorf("%d spans before a view, %d when every key was written once under it", before, under)
	}
	fill(m, 0, keys, 100)
	if under := memory.out; under > before*21/10+10 {
		t.Errorf("%d spans before a view, %d when every key was written twice under it", before, under)
	}
	v.Release()
	for i := range 20_000 {
		m.Advance(uint64(i), 1000)
	}
	if after := memory.out; after > before*4/3+20 || !m.keys.limbo.empty() {
		t.Errorf("%d spans before a view, %d after it", before, after)
	}
	checkInvariants(t, m)
}

// TestBytesPerKey: a key of 16 bytes with a value of 100 takes at most 145 bytes.
func TestBytesPerKey(t *testing.T) {
	const keys = 300_000
	memory := &counting{}
	m := NewIn(memory)
	fill(m, 0, keys, 100)
	perKey := float64(memory.out*slab.SpanBytes) / keys
	t.Logf("%.1f bytes a key", perKey)
	if perKey > 145 {
		t.Errorf("%.1f bytes a key", perKey)
	}
}
