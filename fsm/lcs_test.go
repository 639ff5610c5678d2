package fsm

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"
)

// plainLCS is the textbook's table, and the way back through it that Redis takes.
func plainLCS(a, b []byte) (sequence []byte, pairs [][2]int) {
	table := make([][]int, len(a)+1)
	for i := range table {
		table[i] = make([]int, len(b)+1)
		for j := range table[i] {
			switch {
			case i == 0 || j == 0:
			case a[i-1] == b[j-1]:
				table[i][j] = table[i-1][j-1] + 1
			default:
				table[i][j] = max(table[i-1][j], table[i][j-1])
			}
		}
	}
	for i, j := len(a), len(b); i > 0 && j > 0; {
		switch {
		case a[i-1] == b[j-1]:
			i, j = i-1, j-1
			sequence = append(sequence, a[i])
			pairs = append(pairs, [2]int{i, j})
		case table[i-1][j] > table[i][j-1]:
			i--
		default:
			j--
		}
	}
	slices.Reverse(sequence)
	return sequence, pairs
}

func TestLCSEqualsTheTextbookOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	draw := func() []byte {
		data := make([]byte, r.IntN([]int{4, 20, 70, 200}[r.IntN(4)]))
		letters := 1 + r.IntN(5)
		for i := range data {
			data[i] = "abcd\xff"[r.IntN(letters)]
		}
		return data
	}
	for range 3_000 {
		a, b := draw(), draw()
		want, wantPairs := plainLCS(a, b)
		table := newLCSTable(a, b, true)
		if got := table.sequence(); !bytes.Equal(got, want) {
			t.Fatalf("%q and %q: %q, want %q", a, b, got, want)
		}
		if got := newLCSTable(a, b, false).length; got != len(want) {
			t.Fatalf("%q and %q: length %d, want %d", a, b, got, len(want))
		}
		var pairs [][2]int
		for _, m := range table.matches(0) {
			for k := m.length - 1; k >= 0; k-- {
				pairs = append(pairs, [2]int{m.aFirst + k, m.bFirst + k})
			}
		}
		if !slices.Equal(pairs, wantPairs) {
			t.Fatalf("%q and %q: pairs %v, want %v", a, b, pairs, wantPairs)
		}
	}
}

// TestLCSMemory keeps a command that is allowed from taking much more memory than a bit a cell for the table, and as
// much for the masks. (Redis takes 32 bits a cell.)
func TestLCSMemory(t *testing.T) {
	for _, shape := range [][2]int{{11584, 11584}, {1, 1 << 22}, {1 << 22, 1}, {200, 600_000}, {600_000, 200}} {
		if lcsTooLarge(shape[0], shape[1]) {
			t.Errorf("%v is refused", shape)
		}
		a, b := make([]byte, shape[0]), make([]byte, shape[1])
		for i := range a {
			a[i] = byte(i)
		}
		for i := range b {
			b[i] = byte(i * 7)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		newLCSTable(a, b, true)
		runtime.ReadMemStats(&after)
		got, most := after.TotalAlloc-before.TotalAlloc, uint64(shape[0]*shape[1]*9/32+shape[1]+64<<10)
		if got > most {
			t.Errorf("%v takes %d bytes, more than %d", shape, got, most)
		}
	}
	if !lcsTooLarge(11585, 11585) || !lcsTooLarge(1, stringMax) || !lcsTooLarge(stringMax, stringMax) {
		t.Error("a table of more than 512 MB is taken")
	}
}

// TestOneLargeLCSAtATime keeps the clients of a node from filling its memory with tables. Small ones need not wait.
func TestOneLargeLCSAtATime(t *testing.T) {
	m := New()
	var w Writer
	m.Advance(1, 1)
	m.Apply([][]byte{[]byte("SETRANGE"), []byte("large"), []byte("9999"), []byte("x")}, &w)
	m.Apply([][]byte{[]byte("SET"), []byte("small"), []byte("0x0")}, &w)
	lcs := func(key string) chan string {
		done := make(chan string, 1)
		go func() {
			var w Writer
			m.Read(0, [][]byte{[]byte("LCS"), []byte(key), []byte(key), []byte("LEN")}, &w)
			done <- string(w.Buf)
		}()
		return done
	}
	m.largeLCS.Lock()
	large := lcs("large")
	if got := <-lcs("small"); got != ":3\r\n" {
		t.Errorf("small: %q", got)
	}
	select {
	case got := <-large:
		t.Fatalf("a large table was made beside another: %q", got)
	case <-time.After(100 * time.Millisecond): // the table takes a few milliseconds
	}
	m.largeLCS.Unlock()
	if got := <-large; got != ":10000\r\n" {
		t.Errorf("large: %q", got)
	}
}

func BenchmarkLCS(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 3))
	x, y := make([]byte, 11584), make([]byte, 11584)
	for i := range x {
		x[i], y[i] = "abcd"[r.IntN(4)], "abcd"[r.IntN(4)]
	}
	b.Run("length", func(b *testing.B) {
		for b.Loop() {
			newLCSTable(x, y, false)
		}
	})
	b.Run("sequence", func(b *testing.B) {
		for b.Loop() {
			newLCSTable(x, y, true).sequence()
		}
	})
}
