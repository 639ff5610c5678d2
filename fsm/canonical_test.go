package fsm

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

// TestCanonicalBecomesEitherProtocol: a reply that was written in canonical form gives, converted, the bytes that would
// have been written for the connection in the first place.
func TestCanonicalBecomesEitherProtocol(t *testing.T) {
	for name, write := range map[string]func(w *Writer){
		"simple":          func(w *Writer) { w.Simple("OK") },
		"error":           func(w *Writer) { w.Error("WRONGTYPE a\r\nb\r\n") },
		"integer":         func(w *Writer) { w.Int(math.MinInt64) },
		"bulk":            func(w *Writer) { w.Bulk([]byte("*-1\r\n%1\r\n")) },
		"empty bulk":      func(w *Writer) { w.BulkString("") },
		"null":            func(w *Writer) { w.Null() },
		"null array":      func(w *Writer) { w.NullArray() },
		"array":           func(w *Writer) { w.Array(2); w.Int(1); w.Null() },
		"empty array":     func(w *Writer) { w.Array(0) },
		"map":             func(w *Writer) { w.Map(2); w.BulkString("a"); w.Int(1); w.BulkString("b"); w.Null() },
		"empty map":       func(w *Writer) { w.Map(0) },
		"set":             func(w *Writer) { w.Set(2); w.Simple("a"); w.Simple("b") },
		"push":            func(w *Writer) { w.Push(1); w.Bool(true) },
		"double":          func(w *Writer) { w.Double(0.1) },
		"infinite":        func(w *Writer) { w.Double(math.Inf(-1)) },
		"not a number":    func(w *Writer) { w.Double(math.NaN()) },
		"true":            func(w *Writer) { w.Bool(true) },
		"false":           func(w *Writer) { w.Bool(false) },
		"verbatim":        func(w *Writer) { w.Verbatim("txt", "a:b\r\n") },
		"empty verbatim":  func(w *Writer) { w.Verbatim("mkd", "") },
		"big number":      func(w *Writer) { w.BigNumber("-12345678901234567890123") },
		"integer as bulk": func(w *Writer) { w.bulkInteger(-7) },
		"nested": func(w *Writer) {
			w.Array(3)
			w.Map(1)
			w.Double(1e300)
			w.Set(2)
			w.NullArray()
			w.Array(1)
			w.Bool(false)
			w.Verbatim("txt", "x")
			w.BigNumber("0")
		},
	} {
		var canonical Writer
		canonical.capture(&Writer{})
		write(&canonical)
		if !isCanonical(canonical.Buf) {
			t.Errorf("%s: %q is not in canonical form", name, canonical.Buf)
		}
		for _, proto := range []int{0, 2, 3} {
			want := Writer{Proto: proto, Buf: []byte("+PONG\r\n")}
			got := Writer{Proto: proto, Buf: []byte("+PONG\r\n")}
			write(&want)
			got.canonical(canonical.Buf)
			if !bytes.Equal(got.Buf, want.Buf) {
				t.Errorf("%s in protocol %d: %q, want %q", name, proto, got.Buf, want.Buf)
			}
		}
		nobody := Writer{Discard: true}
		if nobody.canonical(canonical.Buf); len(nobody.Buf) != 0 {
			t.Errorf("%s was written to nobody: %q", name, nobody.Buf)
		}
	}
}

func TestIsCanonicalRefuses(t *testing.T) {
	for _, reply := range []string{
		"", "+", "+OK", "+OK\r", "+OK\n", "+a\nb\r\n", "OK\r\n", "\r\n", "+OK\r\n+OK\r\n", "*1\r\n", "*2\r\n:1\r\n", "*0\r\n:1\r\n",
		":\r\n", ":x\r\n", ":01\r\n", ":+1\r\n", ":9223372036854775808\r\n", "$-1\r\n", "$1\r\nab\r\n", "$3\r\nab\r\n", "$2\r\nab\n\n",
		"$9223372036854775807\r\nab\r\n", "*-2\r\n", "~-1\r\n", "%-1\r\n", ">-1\r\n", "%1\r\n:1\r\n", "*9223372036854775807\r\n",
		"*2\r\n*9223372036854775807\r\n", "%4611686018427387904\r\n", "*2\r\n%9223372036854775807\r\n:1\r\n",
		"#x\r\n", "#\r\n", "#tt\r\n", "_x\r\n", ",\r\n", "(\r\n", "=3\r\ntxt\r\n", "=5\r\ntxt-a\r\n", "=-1\r\n",
		"|1\r\n+a\r\n+b\r\n+c\r\n", "!3\r\nERR\r\n", "$?\r\n;1\r\na\r\n;0\r\n", "*?\r\n.\r\n",
	} {
		if isCanonical([]byte(reply)) {
			t.Errorf("%q passes for a reply in canonical form", reply)
		}
	}
	deep := strings.Repeat("*1\r\n", 10_000)
	if isCanonical([]byte(deep)) || !isCanonical([]byte(deep+":1\r\n")) {
		t.Error("deeply nested replies are not told apart")
	}
}

// FuzzCanonical: what passes for a reply in canonical form is converted without a panic, to itself in RESP3 unless
// an array is missing.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "%1\r\n$1\r\na\r\n,1.5\r\n", "*2\r\n*-1\r\n=5\r\ntxt:a\r\n", "~1\r\n#t\r\n", "(12\r\n", ">1\r\n_\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		if !isCanonical(reply) {
			return
		}
		resp2, resp3 := Writer{Proto: 2}, Writer{Proto: 3}
		resp2.canonical(reply)
		resp3.canonical(reply)
		if len(resp2.Buf) == 0 || !bytes.Contains(reply, []byte("*-1")) && !bytes.Equal(resp3.Buf, reply) {
			t.Fatalf("%q becomes %q and %q", reply, resp2.Buf, resp3.Buf)
		}
	})
}
