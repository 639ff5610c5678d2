package fsm

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
)

// TestViewIsFrozen: a view's bytes are those of the state it was made from, while commands of all
// kinds run beside its writing out. Under -race this also shows that they share nothing unsafely.
func TestViewIsFrozen(t *testing.T) {
	g := newGenerator(5, 3000)
	m := New()
	var w Writer
	index := uint64(0)
	run := func(n int) {
		for range n {
			index++
			m.Advance(index, 1_000_000+int64(index))
			w.Buf = w.Buf[:0]
			m.Apply(g.command(), &w)
		}
	}
	run(5000)
	var writing sync.WaitGroup
	for round := range 6 {
		want := image(t, m)
		views := []*View{m.View(), m.View()}
		for i, v := range views {
			if v.Index() != m.Index() || v.LogTime() != m.LogTime() {
				t.Fatalf("view of index %d at %d says index %d at %d", m.Index(), m.LogTime(), v.Index(), v.LogTime())
			}
			writing.Add(1)
			go func() {
				defer writing.Done()
				var b bytes.Buffer
				if _, err := v.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
					t.Errorf("round %d: view %d shows writes that came after it (%v)", round, i, err)
				}
			}()
		}
		run(3000)
		if round == 3 {
			m.Apply(words("flushall"), &w)
			run(1000)
		}
		writing.Wait()
		views[round%2].Release()
		run(300)
		views[1-round%2].Release()
		checkInvariants(t, m)
	}
	if m.keys.shared != 0 || len(m.keys.views) != 0 {
		t.Fatal("copy-on-write goes on after the last view was released")
	}
}

// TestViewOfLongValuesIsFrozen: the same for values with a block of their own, which are appended to and changed in place.
func TestViewOfLongValuesIsFrozen(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	m := New()
	w := Writer{Discard: true}
	run := func(n int) {
		for range n {
			key := fmt.Appendf(nil, "long%d", random.IntN(20))
			piece := bytes.Repeat([]byte{byte(random.IntN(256))}, random.IntN(3000))
			switch random.IntN(6) {
			case 0:
				m.Apply([][]byte{[]byte("set"), key, bytes.Repeat(piece, 1+random.IntN(4))}, &w)
			case 1:
				m.Apply([][]byte{[]byte("setrange"), key, []byte("4000"), piece}, &w)
			case 2:
				m.Apply([][]byte{[]byte("rename"), key, []byte("long5")}, &w)
			default:
				m.Apply([][]byte{[]byte("append"), key, piece}, &w)
			}
		}
	}
	run(500)
	for round := range 20 {
		want := image(t, m)
		v := m.View()
		var writing sync.WaitGroup
		writing.Go(func() {
			var b bytes.Buffer
			if _, err := v.WriteTo(&b); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("round %d: a view shows writes that came after it (%v)", round, err)
			}
		})
		run(300)
		writing.Wait()
		v.Release()
		checkInvariants(t, m)
	}
}

// TestViewCopiesOnlyWhatChanges: the cost of a view is bounded by what is written under it.
func TestViewCopiesOnlyWhatChanges(t *testing.T) {
	m, keys := filled(t)
	v := m.View()
	defer v.Release()
	w := Writer{Discard: true}
	args := [][]byte{[]byte("set"), keys[0], []byte("x")}
	m.Apply(args, &w)
	if n := testing.AllocsPerRun(100, func() { m.Apply(args, &w) }); n > 1 {
		t.Errorf("a key that was copied for the view once costs %v allocations for each further write", n)
	}
}

// TestAppendUnderViewsIsAmortised: appending to a value that a view shares does not copy it each time.
func TestAppendUnderViewsIsAmortised(t *testing.T) {
	m := New()
	w := Writer{Discard: true}
	piece := []byte("0123456789abcdef")
	args := [][]byte{[]byte("append"), []byte("k"), piece}
	m.Apply([][]byte{[]byte("set"), args[1], make([]byte, recordMax)}, &w)
	copies, lastArray := 0, (*byte)(nil)
	for range 4000 {
		v := m.View()
		m.Apply(args, &w)
		if array := &m.keys.data(m.keys.get(placeOf(args[1])))[0]; array != lastArray {
			copies, lastArray = copies+1, array
		}
		v.Release()
	}
	if copies > 60 {
		t.Errorf("4000 appends copied the value %d times", copies)
	}
	if got, want := image(t, reload(t, m)), bytes.Repeat(piece, 4000); !bytes.Contains(got, want) {
		t.Error("the appended value is wrong")
	}
}

func TestReleaseTwiceIsABug(t *testing.T) {
	v := New().View()
	v.Release()
	defer func() {
		if recover() == nil {
			t.Error("a second Release went unnoticed")
		}
	}()
	v.Release()
}

type failingWriter struct{ left int }

func (w *failingWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(b), nil
}

func TestWriteToReportsErrors(t *testing.T) {
	m, _ := filled(t)
	v := m.View()
	defer v.Release()
	if _, err := v.WriteTo(&failingWriter{1 << 20}); err != io.ErrShortWrite {
		t.Errorf("WriteTo into a full disk: %v", err)
	}
}
