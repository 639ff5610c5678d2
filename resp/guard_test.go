package resp

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/redcon"
)

// testMaxBulk is proto-max-bulk-len in these tests.
const testMaxBulk = 512 << 20

// runGuard feeds data to a guard in pieces of the given sizes, which repeat, and prints what it finds: a
// frame a line, and the error.
func runGuard(data []byte, pieces []int) string {
	var out strings.Builder
	var g guard
	start, end := 0, 0
	for i := 0; end < len(data); i++ {
		end = min(len(data), end+max(1, pieces[i%len(pieces)]))
		for {
			f, err := g.next(data[start:end], testMaxBulk)
			if err != nil {
				fmt.Fprintf(&out, "error %v\n", err)
				return out.String()
			}
			if f.size == 0 {
				break
			}
			fmt.Fprintf(&out, "%d+%d words=%d inline=%v\n", start, f.size, f.words, f.inline)
			start += f.size
		}
	}
	return out.String()
}

// hostile are inputs that crash, hang or mislead some parser.
var hostile = []string{
	"*1\r\n$9223372036854775807\r\n",
	"*2147483647\r\n",
	"*9223372036854775807\r\n",
	"*1\r\n$18446744073709551617\r\n",
	"*1\r\n$-9223372036854775808\r\n",
	"*1\r\n$536870912\r\nx",
	"*-2147483648\r\n*-1\r\n*0\r\nPING\r\n",
	"*1\r\n$-1\r\n",
	"*2\r\n$1\r\na\r\n*1\r\n",
	"*1\r\n*1\r\n$1\r\na\r\n",
	"*\r\n", "*", "*\n", "*1\n", "*1\r\n\r\n", "*1\r\n\n", "\r\n\r\n\n", "\x00\x00", "$4\r\nPING\r\n", "$5 hello\r\n",
	"*1\r\n$4\r\nPINGxx", "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nab\r\n\r\n",
	"*1048577\r\n", "*1048576\r\n$0\r\n",
	"set a \"b\r\n", "set a 'b\\'\r\n", "'\r\n", "\"\\x\r\n", "\"\\x4\r\n", "\"\\\r\n",
	"*" + strings.Repeat("1", maxInline+2), "*1\r\n$" + strings.Repeat("1", maxInline+2), strings.Repeat("x", maxInline+1),
	"*1\r\n$4\r\nPING\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n",
	"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
}

func TestGuardErrors(t *testing.T) {
	long := strings.Repeat("1", maxInline+1)
	for input, want := range map[string]string{
		"*1\r\n$9223372036854775807\r\n":     "invalid bulk length",
		"*1\r\n$18446744073709551617\r\n":    "invalid bulk length",
		"*1\r\n$536870913\r\n":               "invalid bulk length",
		"*1\r\n$-1\r\n":                      "invalid bulk length",
		"*1\r\n$04\r\n":                      "invalid bulk length",
		"*1\r\n$\r\n":                        "invalid bulk length",
		"*1\r\n$4\r\nPINGxx":                 "invalid bulk length",
		"*1\r\n$4\n":                         "invalid bulk length",
		"*2147483647\r\n":                    "invalid multibulk length",
		"*1048577\r\n":                       "invalid multibulk length",
		"*99999999999999999999\r\n":          "invalid multibulk length",
		"*a\r\n":                             "invalid multibulk length",
		"*+1\r\n":                            "invalid multibulk length",
		"* 1\r\n":                            "invalid multibulk length",
		"*01\r\n":                            "invalid multibulk length",
		"*\r\n":                              "invalid multibulk length",
		"*1\n":                               "invalid multibulk length",
		"*1\r\nx\r\n":                        "expected '$', got 'x'",
		"*1\r\n\r\n":                         "expected '$', got '\r'",
		"*" + long:                           "too big mbulk count string",
		"*1\r\n$" + long:                     "too big bulk count string",
		"*1\r\n" + long:                      "too big bulk count string",
		strings.Repeat("x", maxInline+1):     "too big inline request",
		"x" + strings.Repeat(" ", maxInline): "too big inline request",
	} {
		if got := runGuard([]byte(input), []int{len(input)}); got != "error Protocol error: "+want+"\n" {
			t.Errorf("%.40q: %q, want %q", input, got, want)
		}
	}
}

func TestGuardSkipsEmptyCommands(t *testing.T) {
	got := runGuard([]byte("*0\r\n*-1\r\n*-7\r\n\r\n\nPING\r\n"), []int{3})
	want := "0+4 words=0 inline=false\n4+5 words=0 inline=false\n9+5 words=0 inline=false\n14+2 words=0 inline=true\n" +
		"16+1 words=0 inline=true\n17+6 words=0 inline=true\n"
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// TestGuardKeepsItsPlace: a command of n bytes that comes byte by byte costs n calls that each look at
// a constant number of bytes, not at all that came before.
func TestGuardKeepsItsPlace(t *testing.T) {
	var data bytes.Buffer
	fmt.Fprintf(&data, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n%s\r\n", 1<<20, strings.Repeat("v", 1<<20))
	var g guard
	whole := data.Bytes()
	for end := 1; end < len(whole); end++ {
		before := g
		if f, err := g.next(whole[:end], testMaxBulk); f.size != 0 || err != nil {
			t.Fatalf("after %d of %d bytes: %+v, %v", end, len(whole), f, err)
		}
		if before.body && end < before.seen && g != before {
			t.Fatalf("after %d bytes, within a body, the guard moved", end)
		}
	}
	if f, err := g.next(whole, testMaxBulk); f.size != len(whole) || f.words != 3 || err != nil {
		t.Fatalf("the whole command: %+v, %v", f, err)
	}
}

func TestGuardAllocatesNothing(t *testing.T) {
	data := []byte("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n")
	var g guard
	if n := testing.AllocsPerRun(100, func() { g.next(data, testMaxBulk) }); n != 0 {
		t.Errorf("%v allocations for a command, want none", n)
	}
}

// FuzzGuard: the guard finds the same frames whatever the pieces in which the bytes come, and redcon
// takes every multibulk frame that it passes and finds as many words in it.
func FuzzGuard(f *testing.F) {
	for _, input := range hostile {
		if len(input) > 1<<10 {
			continue // Long seeds keep the fuzzer busy with shortening them. The other tests have them.
		}
		f.Add([]byte(input), []byte{1})
		f.Add([]byte(input), []byte{3, 250, 1})
	}
	f.Fuzz(func(t *testing.T, data, sizes []byte) {
		pieces := []int{1}
		for _, size := range sizes {
			pieces = append(pieces, int(size))
		}
		whole := runGuard(data, []int{len(data)})
		if split := runGuard(data, pieces); split != whole {
			t.Fatalf("in one piece:\n%sin pieces:\n%s", whole, split)
		}
		var g guard
		for rest := data; ; {
			frame, err := g.next(rest, testMaxBulk)
			if err != nil || frame.size == 0 {
				return
			}
			if frame.words > 0 {
				complete, words, _, left, err := redcon.ReadNextCommand(rest[:frame.size], nil)
				if !complete || err != nil || len(left) != 0 || len(words) != frame.words {
					t.Fatalf("redcon does not take the frame %.60q: %v", rest[:frame.size], err)
				}
			} else if frame.inline {
				splitInline(rest[:frame.size-1], nil, nil)
			}
			rest = rest[frame.size:]
		}
	})
}
