package lin

import (
	"strconv"
	"strings"
	"testing"
)

// history reads operations, one a line: client, call, return, command, "->" and reply. A return of "?" is an unknown outcome, one of
// "-" says not done, and "~" before the client marks a stale read. Replies are nil, OK, integers, !CODE, "text", [several], or "?" for one that was not told.
func history(t *testing.T, lines string) []Operation {
	t.Helper()
	var all []Operation
	for line := range strings.Lines(lines) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), "->")
		fields := strings.Fields(before)
		if len(fields) == 0 {
			continue
		}
		op := Operation{Words: fields[3:]}
		client, stale := strings.CutPrefix(fields[0], "~")
		op.Client, op.Stale = int(number(t, client)), stale
		op.Call = number(t, fields[1])
		after = strings.TrimSpace(after)
		op.Unread = after == "?"
		switch fields[2] {
		case "?":
			op.Outcome = Unknown
		case "-":
			op.Outcome = NotDone
		default:
			op.Return = number(t, fields[2])
			if !op.Unread {
				op.Reply = reply(t, after)
			}
		}
		all = append(all, op)
	}
	return all
}

func number(t *testing.T, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func reply(t *testing.T, s string) Reply {
	t.Helper()
	switch {
	case s == "nil":
		return Null()
	case strings.HasPrefix(s, "!"):
		return Error(s[1:])
	case strings.HasPrefix(s, "["):
		items := []Reply{}
		for _, item := range strings.Fields(strings.Trim(s, "[]")) {
			items = append(items, reply(t, item))
		}
		return Array(items...)
	case strings.HasPrefix(s, `"`):
		return Text(strings.Trim(s, `"`))
	case s == "OK":
		return Text(s)
	}
	return Int(number(t, s))
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name    string
		history string
		want    Verdict
	}{
		{"nothing happened", ``, OK},
		{"a read sees the write before it", `
			1 1 2 SET k a -> OK
			2 3 4 GET k -> "a"`, OK},
		{"a read misses the write before it", `
			1 1 2 SET k a -> OK
			2 3 4 GET k -> nil`, Violation},
		{"a read beside a write sees either", `
			1 1 5 SET k a -> OK
			2 2 3 GET k -> nil
			3 2 4 GET k -> "a"`, OK},
		{"time goes back between two reads", `
			1 1 9 SET k a -> OK
			2 2 3 GET k -> "a"
			3 4 5 GET k -> nil`, Violation},
		{"operations that share an instant overlap", `
			1 1 3 SET k a -> OK
			2 3 4 GET k -> nil`, OK},
		{"an acknowledged append is lost", `
			1 1 2 APPEND k a -> 1
			1 3 4 APPEND k b -> 2
			2 5 6 GET k -> "a"`, Violation},
		{"an append is applied twice", `
			1 1 2 APPEND k a -> 1
			2 3 4 GET k -> "aa"`, Violation},
		{"an append tells the length", `
			1 1 2 APPEND k abc -> 4`, Violation},
		{"an unknown write acts late", `
			1 1 ? APPEND k a
			2 2 3 GET k -> nil
			2 4 5 GET k -> "a"`, OK},
		{"an unknown write never acts", `
			1 1 ? APPEND k a
			2 2 3 GET k -> nil`, OK},
		{"an unknown write does not act twice", `
			1 1 ? APPEND k a
			2 2 3 GET k -> "aa"`, Violation},
		{"an unknown write does not act before its call", `
			2 1 2 GET k -> "a"
			1 3 ? SET k a`, Violation},
		{"an unknown write is not undone", `
			1 1 ? SET k a
			2 2 3 GET k -> "a"
			2 4 5 GET k -> nil`, Violation},
		{"an unknown write of a value that another wrote too", `
			1 1 2 SET k a -> OK
			2 3 ? SET k a
			3 4 5 GET k -> "a"
			3 6 7 SET k b -> OK
			3 8 9 GET k -> "a"`, OK},
		{"an unseen unknown write shows in a length", `
			1 1 ? APPEND k a
			2 2 3 APPEND k b -> 2
			2 4 5 SET k c -> OK`, OK},
		{"a write that was not done is seen", `
			1 1 - SET k a
			2 2 3 GET k -> "a"`, Violation},
		{"a write that was not done is not seen", `
			1 1 - SET k a
			2 2 3 GET k -> nil`, OK},
		{"keys are judged one by one", `
			1 1 2 SET a 1 -> OK
			1 1 2 SET b 1 -> OK
			2 3 4 GET a -> "1"
			2 3 4 GET b -> nil`, Violation},
		{"several keys are set at one instant", `
			1 1 9 MSET a 1 b 1 -> OK
			2 2 3 MGET a b -> ["1" nil]`, Violation},
		{"several keys are read at one instant", `
			1 1 9 SET a 1 -> OK
			1 1 9 SET b 1 -> OK
			2 2 3 MGET a b -> ["1" nil]
			3 2 3 MGET a b -> [nil "1"]`, Violation},
		{"several keys in order", `
			1 1 9 MSET a 1 b 1 -> OK
			2 2 3 MGET a b -> [nil nil]
			2 4 5 MGET b a -> ["1" "1"]`, OK},
		{"MSETNX sets all or none", `
			1 1 2 SET a 1 -> OK
			1 3 4 MSETNX a 2 b 2 -> 0
			1 5 6 GET b -> nil
			1 7 8 MSETNX b 3 c 3 -> 1
			1 9 10 GET c -> "3"`, OK},
		{"two win one SETNX", `
			1 1 5 SETNX k a -> 1
			2 2 6 SETNX k b -> 1`, Violation},
		{"a counter skips", `
			1 1 2 INCR k -> 1
			1 3 4 INCR k -> 3`, Violation},
		{"a counter counts an unknown step", `
			1 1 2 INCR k -> 1
			2 2 ? INCR k
			1 3 4 INCRBY k 5 -> 7
			1 5 6 DECR k -> 6`, OK},
		{"two see one count", `
			1 1 5 INCR k -> 1
			2 2 6 INCR k -> 1`, Violation},
		{"a word is not a number", `
			1 1 2 SET k a -> OK
			1 3 4 INCR k -> !ERR value is not an integer or out of range
			1 5 6 GET k -> "a"`, OK},
		{"a deleted key is seen", `
			1 1 2 SET k a -> OK
			1 3 4 DEL k -> 1
			2 5 6 EXISTS k -> 1`, Violation},
		{"GETSET and GETDEL tell what was", `
			1 1 2 GETSET k a -> nil
			1 3 4 GETSET k b -> "a"
			1 5 6 GETDEL k -> "b"
			1 7 8 STRLEN k -> 0`, OK},
		{"SET's conditions", `
			1 1 2 SET k a XX -> nil
			1 3 4 SET k a NX -> OK
			1 5 6 SET k b NX -> nil
			1 7 8 SET k c XX GET -> "a"
			1 9 10 GET k -> "c"`, OK},
		{"SET NX over a key", `
			1 1 2 SET k a NX -> OK
			2 3 4 SET k b NX -> OK`, Violation},
		{"a reply that was not told constrains nothing, its effect does", `
			1 1 2 APPEND k a -> ?
			1 3 4 APPEND k b -> ?
			2 5 6 GET k -> "ab"`, OK},
		{"an unread append is lost", `
			1 1 2 APPEND k a -> ?
			1 3 4 APPEND k b -> ?
			2 5 6 GET k -> "b"`, Violation},
		{"a stale read shows the past", `
			1 1 2 SET k a -> OK
			1 3 4 SET k b -> OK
			~2 5 6 GET k -> "a"
			~2 7 8 GET k -> nil
			~2 9 10 GET k -> "b"`, OK},
		{"a stale read shows the future", `
			~2 1 2 GET k -> "a"
			1 3 4 SET k a -> OK`, Violation},
		{"a stale read shows what never was", `
			1 1 2 APPEND k a -> 1
			1 3 4 APPEND k b -> 2
			~2 5 6 GET k -> "b"`, Violation},
		{"a stale read shows a write that was not acknowledged yet", `
			1 1 9 SET k a -> OK
			~2 2 3 GET k -> "a"
			3 4 5 GET k -> nil`, Violation},
		{"a replayed reply is not a second effect", `
			1 1 ? ONCE 7 1 APPEND k a
			1 3 4 ONCE 7 1 APPEND k a -> 1
			2 5 6 GET k -> "a"`, OK},
		{"a retried command acts twice", `
			1 1 ? ONCE 7 1 APPEND k a
			1 3 4 ONCE 7 1 APPEND k a -> 2
			2 5 6 GET k -> "aa"`, Violation},
		{"a retried command acts after its reply", `
			1 1 ? ONCE 7 1 SET k a
			1 3 4 ONCE 7 1 SET k a -> OK
			2 5 6 SET k b -> OK
			2 7 8 GET k -> "a"`, Violation},
		{"a retried command was answered in two ways", `
			1 1 2 ONCE 7 1 INCR k -> 1
			1 3 4 ONCE 7 1 INCR k -> 2`, Violation},
		{"sequences of two sessions are two commands", `
			1 1 2 ONCE 7 1 INCR k -> 1
			2 3 4 ONCE 8 1 INCR k -> 2`, OK},
		{"an attempt that was not done says nothing of the first", `
			1 1 ? ONCE 7 1 APPEND k a
			1 3 - ONCE 7 1 APPEND k a
			2 5 6 GET k -> "a"`, OK},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, history(t, test.history), Options{}, test.want) })
	}
}

func expect(t *testing.T, history []Operation, options Options, want Verdict) {
	t.Helper()
	report, err := Check(history, options)
	if err != nil {
		t.Fatal(err)
	}
	if report.Verdict != want {
		t.Errorf("%s, want %s\n%s", report.Verdict, want, report.Explanation)
	}
	if (report.Verdict == OK) != (report.Explanation == "") {
		t.Errorf("%s, explained by %q", report.Verdict, report.Explanation)
	}
}

func TestHistoriesThatMakeNoSense(t *testing.T) {
	for _, lines := range []string{
		`1 1 2 LPUSH k a -> 1`,
		`1 1 2 GET -> nil`,
		`1 1 2 GET a b -> nil`,
		`1 1 2 SET k a FOREVER -> OK`,
		`1 1 2 SET k a NX XX -> OK`,
		`1 1 2 SET k a PX -> OK`,
		`1 1 2 SETEX k soon a -> OK`,
		`1 1 2 MSET k a l -> OK`,
		`1 1 2 INCRBY k 9223372036854775807 -> 1`,
		`~1 1 2 SET k a -> OK`,
		`1 3 2 GET k -> nil`,
		`1 1 ? ONCE 1 1 INCR k
		 1 3 4 ONCE 1 1 INCR l -> 1`,
	} {
		if report, err := Check(history(t, lines), Options{}); err == nil {
			t.Errorf("%s: %s", lines, report.Verdict)
		}
	}
	if _, err := Check([]Operation{{}}, Options{}); err == nil {
		t.Error("an operation without words was judged")
	}
	if Supported([]string{"LPUSH", "k", "a"}) == nil || Supported([]string{"ONCE", "1", "1", "INCR", "k"}) != nil {
		t.Error("Supported is wrong about LPUSH or about ONCE ... INCR")
	}
}

func TestASearchThatIsGivenUpIsUndecided(t *testing.T) {
	var all []Operation
	for i := range 30 {
		all = append(all, Operation{Client: i, Call: 1, Return: 100, Words: []string{"APPEND", "k", strconv.Itoa(i)}, Outcome: Unknown})
	}
	all = append(all, Operation{Call: 1, Return: 100, Words: []string{"STRLEN", "k"}, Reply: Int(1000)})
	expect(t, all, Options{Steps: 1000}, Undecided)
	// What is certain elsewhere stays so.
	all = append(all, Operation{Call: 1, Return: 2, Words: []string{"GET", "l"}, Reply: Text("a")})
	expect(t, all, Options{Steps: 1000}, Violation)
}

func TestAnExplanationIsShort(t *testing.T) {
	report, err := Check(history(t, `
		1 1 2 SET k a -> OK
		2 3 4 GET k -> "a"
		2 5 6 GET k -> "a"
		1 7 8 APPEND k b -> 2
		2 9 10 GET k -> "a"
		1 11 12 SET k c -> OK
		2 13 14 GET k -> "c"`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `no order of these operations on "k" explains their replies:
  client 1  1..2  SET k a -> "OK"
  client 1  7..8  APPEND k b -> 2
  client 2  9..10  GET k -> "a"
the longest order that explains its replies has 2 of them:
  client 1  1..2  SET k a -> "OK"
  client 1  7..8  APPEND k b -> 2
`
	if report.Explanation != want {
		t.Errorf("explained by\n%s\nwant\n%s", report.Explanation, want)
	}
}
