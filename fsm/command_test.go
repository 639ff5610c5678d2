package fsm

import (
	"bytes"
	"strings"
	"testing"
)

// transcript runs lines of the form "command => reply", one after the other, on a new machine at
// log time 1,000,000. Line breaks in replies are written as blanks.
func transcript(t *testing.T, proto int, script string) {
	t.Helper()
	m := New()
	m.Advance(1, 1_000_000)
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		command, want, ok := strings.Cut(line, "=>")
		if !ok {
			t.Fatalf("line %q has no reply", line)
		}
		args := words(command)
		for i := range args {
			args[i] = bytes.ReplaceAll(args[i], []byte(`""`), nil)
		}
		w := Writer{Proto: proto}
		m.Apply(args, &w)
		got := strings.TrimSpace(strings.ReplaceAll(string(w.Buf), "\r\n", " "))
		if got != strings.TrimSpace(want) {
			t.Errorf("%s\n got %s\nwant %s", strings.TrimSpace(command), got, strings.TrimSpace(want))
		}
	}
	checkInvariants(t, m)
	reload(t, m)
}

func TestSetOptions(t *testing.T) {
	transcript(t, 2, `
		set k v xx                   => $-1
		set k v nx                   => +OK
		set k w nx                   => $-1
		set k w nx get               => $1 v
		set k w xx get               => $1 v
		set n w nx get               => $-1
		get n                        => $1 w
		set k v ex 100               => +OK
		ttl k                        => :100
		set k v keepttl              => +OK
		ttl k                        => :100
		set k v                      => +OK
		ttl k                        => :-1
		set k v px 1500              => +OK
		pexpiretime k                => :1001500
		set k v exat 2000            => +OK
		expiretime k                 => :2000
		SET k v PXAT 2000001 GET     => $1 v
		pexpiretime k                => :2000001
		set k v ex 5 EX 6            => +OK
		ttl k                        => :6
		set k v pxat 999999          => +OK
		exists k                     => :0
		set k v ex 0                 => -ERR invalid expire time in 'set' command
		set k v px -1                => -ERR invalid expire time in 'set' command
		set k v ex 9223372036854775  => -ERR invalid expire time in 'set' command
		set k v ex x                 => -ERR value is not an integer or out of range
		set k v ex                   => -ERR syntax error
		set k v nx xx                => -ERR syntax error
		set k v ex 1 px 1            => -ERR syntax error
		set k v keepttl ex 1         => -ERR syntax error
		set k v ex 1 keepttl         => -ERR syntax error
		set k v persist              => -ERR syntax error
		set k                        => -ERR wrong number of arguments for 'set' command
		setnx k v                    => :1
		setnx k w                    => :0
		setex k 10 v                 => +OK
		psetex k 0 v                 => -ERR invalid expire time in 'psetex' command
		getset k w                   => $1 v
		ttl k                        => :-1
		getdel k                     => $1 w
		getdel k                     => $-1
	`)
	transcript(t, 3, `
		get k       => _
		set k v get => _
		mget k n    => *2 $1 v _
	`)
}

func TestGetEX(t *testing.T) {
	transcript(t, 2, `
		getex k ex 0         => $-1
		set k v              => +OK
		getex k              => $1 v
		getex k ex 10        => $1 v
		ttl k                => :10
		getex k persist      => $1 v
		ttl k                => :-1
		getex k pxat 1000001 => $1 v
		pttl k               => :1
		getex k nx           => -ERR syntax error
		getex k persist ex 1 => -ERR syntax error
		getex k ex 0         => -ERR invalid expire time in 'getex' command
		getex k exat 1000    => $1 v
		exists k             => :0
	`)
}

func TestRanges(t *testing.T) {
	transcript(t, 2, `
		append k hello                     => :5
		append k world                     => :10
		strlen k                           => :10
		getrange k 0 -1                    => $10 helloworld
		getrange k -5 -2                   => $4 worl
		substr k 5 100                     => $5 world
		getrange k 3 2                     => $0
		getrange k -1 -5                   => $0
		getrange k -100 1                  => $2 he
		getrange k 20 30                   => $0
		getrange n 0 -1                    => $0
		getrange k x 1                     => -ERR value is not an integer or out of range
		setrange k 5 WORLD!                => :11
		get k                              => $11 helloWORLD!
		setrange n 0 ""                    => :0
		exists n                           => :0
		setrange k 0 ""                    => :11
		setrange k -1 x                    => -ERR offset is out of range
		setrange k 536870912 x             => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
		setrange k 9223372036854775807 x   => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
		set i 12                           => +OK
		getrange i 1 1                     => $1 2
		setrange i 2 3                     => :3
		get i                              => $3 123
		incr i                             => :124
		append i 5                         => :4
		strlen i                           => :4
	`)
	m := New()
	m.Advance(1, 1)
	if got := apply(m, "setrange gap 3 x"); got != ":4\r\n" || apply(m, "get gap") != "$4\r\n\x00\x00\x00x\r\n" {
		t.Errorf("a gap is not filled with zero bytes: %q", apply(m, "get gap"))
	}
}

func TestNumbers(t *testing.T) {
	transcript(t, 2, `
		incr n                         => :1
		incrby n 9                     => :10
		decr n                         => :9
		decrby n 10                    => :-1
		get n                          => $2 -1
		expire n 100                   => :1
		incr n                         => :0
		ttl n                          => :100
		incrby n 9223372036854775807   => :9223372036854775807
		incr n                         => -ERR increment or decrement would overflow
		decrby n -9223372036854775808  => -ERR decrement would overflow
		incrby n 1.5                   => -ERR value is not an integer or out of range
		set s 007                      => +OK
		incr s                         => -ERR value is not an integer or out of range
		set f 10.50                    => +OK
		incrbyfloat f 0.1              => $4 10.6
		incrbyfloat f -5               => $3 5.6
		incrbyfloat g 5.0e3            => $4 5000
		object encoding g              => $6 embstr
		incrbyfloat g x                => -ERR value is not a valid float
		incrbyfloat g nan              => -ERR value is not a valid float
		incrbyfloat g inf              => -ERR increment would produce NaN or Infinity
		set h abc                      => +OK
		incrbyfloat h 1                => -ERR value is not a valid float
		incrbyfloat z 0.1              => $3 0.1
		incrbyfloat z 0.2              => $3 0.3
		incrbyfloat z -0.3             => $1 0
	`)
}

func TestManyKeys(t *testing.T) {
	transcript(t, 2, `
		mset a 1 b 2 a 3   => +OK
		mget a b c         => *3 $1 3 $1 2 $-1
		mset a             => -ERR wrong number of arguments for 'mset' command
		mset a 1 b         => -ERR wrong number of arguments for 'mset' command
		msetnx c 1 a 1     => :0
		exists c           => :0
		msetnx c 1 d 1     => :1
		exists a b c a x   => :4
		touch a b x        => :2
		del a a x          => :1
		unlink b c         => :2
		dbsize             => :1
		type d             => +string
		type x             => +none
		flushall now       => -ERR syntax error
		flushall async     => +OK
		flushdb SYNC       => +OK
		dbsize             => :0
	`)
}

// TestReplyIsBounded: one command cannot make a reply without bound out of one long value.
func TestReplyIsBounded(t *testing.T) {
	m := New()
	m.Advance(1, 1)
	apply(m, "setrange k 67108863 x")
	if got := apply(m, "mget"+strings.Repeat(" k", 17)); got != "-ERR reply exceeds maximum allowed size\r\n" {
		t.Errorf("17 times 64 MiB: a reply of %d bytes", len(got))
	}
}

func TestRenameAndCopy(t *testing.T) {
	transcript(t, 2, `
		rename a b           => -ERR no such key
		set a 1 ex 100       => +OK
		set b 2              => +OK
		rename a b           => +OK
		get b                => $1 1
		ttl b                => :100
		exists a             => :0
		rename b b           => +OK
		set a 3              => +OK
		renamenx a b         => :0
		renamenx a a         => :0
		renamenx a c         => :1
		ttl c                => :-1
		rename c b           => +OK
		ttl b                => :-1
		expire b 50          => :1
		copy b d             => :1
		ttl d                => :50
		copy b d             => :0
		copy x y             => :0
		set b 4              => +OK
		copy b d replace     => :1
		ttl d                => :-1
		copy b b             => -ERR source and destination objects are the same
		copy b e db 0        => :1
		copy b e db 1        => -ERR DB index is out of range
		copy b e db x        => -ERR value is not an integer or out of range
		copy b e db          => -ERR syntax error
	`)
	m := New()
	m.Advance(1, 1)
	apply(m, "append a "+strings.Repeat("x", 50))
	apply(m, "copy a b")
	apply(m, "setrange a 0 y")
	apply(m, "append b z")
	if a, b := apply(m, "getrange a 0 0"), apply(m, "get b"); a != "$1\r\ny\r\n" || !strings.HasSuffix(b, "xxxz\r\n") || strings.Contains(b, "y") {
		t.Errorf("a copy and its original share bytes: %q %q", a, b)
	}
}

func TestExpireOptions(t *testing.T) {
	transcript(t, 2, `
		expire k 10          => :0
		set k v              => +OK
		expire k 10 xx       => :0
		expire k 10 gt       => :0
		expire k 10 nx       => :1
		expire k 20 nx       => :0
		expire k 5 gt        => :0
		expire k 20 GT       => :1
		expire k 30 lt       => :0
		expire k 15 lt xx    => :1
		ttl k                => :15
		pexpire k 1499       => :1
		ttl k                => :1
		pexpire k 1500       => :1
		ttl k                => :2
		expire k 10 nx xx    => -ERR NX and XX, GT or LT options at the same time are not compatible
		expire k 10 gt lt    => -ERR GT and LT options at the same time are not compatible
		expire k 10 foo      => -ERR Unsupported option foo
		expire k x           => -ERR value is not an integer or out of range
		expire k 9223372036854775807    => -ERR invalid expire time in 'expire' command
		pexpire k 9223372036854775807   => -ERR invalid expire time in 'pexpire' command
		pexpireat k 9223372036854775807 => :1
		pexpiretime k        => :9223372036854775807
		expireat k 1001      => :1
		pttl k               => :1000
		persist k            => :1
		persist k            => :0
		set l v              => +OK
		expire l 10 lt       => :1
		expire l -1          => :1
		exists l             => :0
		pexpireat k 1000000  => :1
		ttl k                => :-2
	`)
}

func TestObject(t *testing.T) {
	long := strings.Repeat("x", 45)
	transcript(t, 2, `
		set i 9999           => +OK
		object encoding i    => $3 int
		object refcount i    => :2147483647
		copy i j             => :1
		object refcount j    => :1
		object encoding j    => $3 int
		incr i               => :10000
		object refcount i    => :1
		set s `+long[:44]+` => +OK
		object encoding s    => $6 embstr
		set s `+long+` => +OK
		object encoding s    => $3 raw
		append t 12          => :2
		object encoding t    => $3 int
		append t 3           => :3
		object encoding t    => $3 raw
		setrange u 0 x       => :1
		object encoding u    => $3 raw
		object encoding x    => $-1
		object freq x        => $-1
		object freq i        => -ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
		object idletime i    => :0
		object foo x         => -ERR unknown subcommand 'foo'. Try OBJECT HELP.
		object               => -ERR wrong number of arguments for 'object' command
		object encoding      => -ERR wrong number of arguments for 'object|encoding' command
	`)
	m := New()
	m.Advance(1, 10_000)
	apply(m, "mset a 1 b 2")
	m.Advance(2, 15_999)
	apply(m, "touch b")
	if a, b := apply(m, "object idletime a"), apply(m, "object idletime b"); a != ":5\r\n" || b != ":0\r\n" {
		t.Errorf("idle times %q %q", a, b)
	}
	if got := apply(m, "OBJECT HELP"); !strings.HasPrefix(got, "*15\r\n+OBJECT <subcommand>") {
		t.Errorf("help %q", got)
	}
}

func TestUnknownCommands(t *testing.T) {
	m := New()
	long := strings.Repeat("a", 200)
	for _, step := range []struct{ line, reply string }{
		{"foo", "-ERR unknown command 'foo', with args beginning with: \r\n"},
		{"foo bar baz", "-ERR unknown command 'foo', with args beginning with: 'bar' 'baz' \r\n"},
		{long, "-ERR unknown command '" + long[:128] + "', with args beginning with: \r\n"},
		{"foo " + long + " bar", "-ERR unknown command 'foo', with args beginning with: '" + long[:128] + "' \r\n"},
	} {
		if got := apply(m, step.line); got != step.reply {
			t.Errorf("%.20s: %q", step.line, got)
		}
	}
	var w Writer
	m.Apply(nil, &w)
	m.Apply([][]byte{[]byte("a\r\nb")}, &w)
	if want := "-ERR empty command\r\n-ERR unknown command 'a  b', with args beginning with: \r\n"; string(w.Buf) != want {
		t.Errorf("odd commands: %q", w.Buf)
	}
}

func TestTable(t *testing.T) {
	rows := Commands()
	for i, row := range rows {
		if i > 0 && rows[i-1].Name >= row.Name {
			t.Errorf("%s stands after %s", row.Name, rows[i-1].Name)
		}
		if Lookup([]byte(strings.ToUpper(row.Name))) != row {
			t.Errorf("%s is not found by its name", row.Name)
		}
		for _, r := range append([]*Command{row}, row.Subcommands...) {
			if r.Arity == 0 || r.Group == "" || r.Since == "" || r.Complexity == "" || r.Summary == "" || len(r.Categories) == 0 {
				t.Errorf("%s: the row has gaps", r.Name)
			}
			if !r.Keyed() || r.run == nil && len(r.Subcommands) == 0 {
				t.Errorf("%s: nothing carries the command out", r.Name)
			}
			if r.Flags&FlagWrite != 0 && r.Flags&FlagReadOnly != 0 {
				t.Errorf("%s writes and only reads", r.Name)
			}
		}
	}
	for _, name := range []string{"", "nope", strings.Repeat("x", 1000), "get\x00"} {
		if Lookup([]byte(name)) != nil {
			t.Errorf("%.10q is a command", name)
		}
	}
	if !Lookup([]byte("touch")).Writes() || Lookup([]byte("get")).Writes() || !Lookup([]byte("getex")).Writes() {
		t.Error("commands take the wrong way")
	}
}

func TestKeysOfCommands(t *testing.T) {
	for line, want := range map[string]string{
		"get k":             "k",
		"get":               "",
		"get a b":           "",
		"mset a 1 b 2":      "a b",
		"mset a 1 b":        "a b",
		"del a b c":         "a b c",
		"rename a b":        "a b",
		"copy a b replace":  "a b",
		"object encoding k": "k",
		"object help":       "",
		"object foo k":      "",
		"dbsize":            "",
		"scan 0 match x":    "",
	} {
		args := words(line)
		got := bytes.Join(Lookup(args[0]).Keys(args), []byte(" "))
		if string(got) != want {
			t.Errorf("%s: keys %q, want %q", line, got, want)
		}
	}
}

// TestDiscard: a reply that nobody waits for is not written.
func TestDiscard(t *testing.T) {
	m := New()
	m.Advance(1, 1)
	w := Writer{Discard: true}
	for _, line := range []string{"set k v", "get k", "foo", "get", "incr k", "keys *", "object help", "incrbyfloat k 1"} {
		m.Apply(words(line), &w)
	}
	if len(w.Buf) != 0 {
		t.Errorf("a discarded reply was written: %q", w.Buf)
	}
}

// TestAllocations keeps the hot paths as they are: a GET takes no memory, a SET at most the value's.
func TestAllocations(t *testing.T) {
	m, keys := filled(t)
	w := Writer{Buf: make([]byte, 0, 1<<10)}
	run := func(name string, most float64, do func()) {
		if n := testing.AllocsPerRun(200, func() { w.Buf = w.Buf[:0]; do() }); n > most {
			t.Errorf("%s allocates %v times, at most %v is promised", name, n, most)
		}
	}
	get := [][]byte{[]byte("GET"), keys[17]}
	run("GET", 0.1, func() { m.Read(1_000_000, get, &w) }) // The pool of calls may be emptied now and then.
	miss := [][]byte{[]byte("GET"), []byte("nokey")}
	run("GET of a missing key", 0.1, func() { m.Read(1_000_000, miss, &w) })
	set := [][]byte{[]byte("SET"), keys[18], bytes.Repeat([]byte("w"), 100)}
	run("SET of the same size", 0, func() { m.Apply(set, &w) })
	sizes, i := [][]byte{bytes.Repeat([]byte("w"), 400), []byte("ww")}, 0
	run("SET of another size", 1, func() { i++; set[2] = sizes[i%2]; m.Apply(set, &w) })
	incr := [][]byte{[]byte("INCR"), []byte("counter")}
	run("INCR", 0, func() { m.Apply(incr, &w) })
}

func TestWriter(t *testing.T) {
	for _, step := range []struct {
		name         string
		write        func(w *Writer)
		resp2, resp3 string
	}{
		{"Simple", func(w *Writer) { w.Simple("OK") }, "+OK\r\n", "+OK\r\n"},
		{"Error", func(w *Writer) { w.Error("ERR a\nb\xff\r\n") }, "-ERR a b\xff\r\n", "-ERR a b\xff\r\n"},
		{"Int", func(w *Writer) { w.Int(-5) }, ":-5\r\n", ":-5\r\n"},
		{"Bulk", func(w *Writer) { w.Bulk([]byte("a\r\n")) }, "$3\r\na\r\n\r\n", "$3\r\na\r\n\r\n"},
		{"BulkString", func(w *Writer) { w.BulkString("") }, "$0\r\n\r\n", "$0\r\n\r\n"},
		{"Null", func(w *Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"NullArray", func(w *Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"Array", func(w *Writer) { w.Array(2) }, "*2\r\n", "*2\r\n"},
		{"Map", func(w *Writer) { w.Map(2) }, "*4\r\n", "%2\r\n"},
		{"Set", func(w *Writer) { w.Set(2) }, "*2\r\n", "~2\r\n"},
		{"Push", func(w *Writer) { w.Push(2) }, "*2\r\n", ">2\r\n"},
		{"Double", func(w *Writer) { w.Double(0.1) }, "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n"},
		{"Double 3", func(w *Writer) { w.Double(3) }, "$1\r\n3\r\n", ",3\r\n"},
		{"Bool", func(w *Writer) { w.Bool(true); w.Bool(false) }, ":1\r\n:0\r\n", "#t\r\n#f\r\n"},
		{"Verbatim", func(w *Writer) { w.Verbatim("txt", "hi") }, "$2\r\nhi\r\n", "=6\r\ntxt:hi\r\n"},
		{"BigNumber", func(w *Writer) { w.BigNumber("123") }, "$3\r\n123\r\n", "(123\r\n"},
		{"Raw", func(w *Writer) { w.Raw([]byte("+x\r\n")) }, "+x\r\n", "+x\r\n"},
	} {
		for proto, want := range map[int]string{0: step.resp2, 2: step.resp2, 3: step.resp3} {
			w := Writer{Proto: proto}
			if step.write(&w); string(w.Buf) != want {
				t.Errorf("%s in RESP%d: %q, want %q", step.name, proto, w.Buf, want)
			}
			w = Writer{Proto: proto, Discard: true}
			if step.write(&w); len(w.Buf) != 0 {
				t.Errorf("%s in RESP%d is not discarded", step.name, proto)
			}
		}
	}
}

func TestSlot(t *testing.T) {
	// The first value is the check value of the Redis Cluster specification.
	for key, want := range map[string]int{"123456789": 0x31c3 % Slots, "foo": 12182, "bar": 5061, "": 0,
		"{foo}x": 12182, "x{foo}y{bar}": 12182, "{}foo": Slot([]byte("{}foo")), "foo{": Slot([]byte("foo{"))} {
		if got := Slot([]byte(key)); got != want {
			t.Errorf("slot of %q is %d, want %d", key, got, want)
		}
	}
	if Slot([]byte("{}foo")) == Slot([]byte("foo")) && Slot([]byte("{}bar")) == Slot([]byte("bar")) {
		t.Error("an empty hash tag counts")
	}
	if Slot([]byte("a{b}c")) != Slot([]byte("b")) {
		t.Error("a hash tag does not count")
	}
}
