package lin

import "testing"

func TestExpiry(t *testing.T) {
	for _, test := range []struct {
		name    string
		history string
		want    Verdict
	}{
		{"a key with a deadline lives, then is gone", `
			1 1 2 SET k a PX 100 -> OK
			1 3 4 GET k -> "a"
			1 5 6 GET k -> nil`, OK},
		{"a key that was gone is back", `
			1 1 2 SET k a PX 100 -> OK
			1 3 4 GET k -> nil
			2 5 6 GET k -> "a"`, Violation},
		{"a stale read saw the time before the key", `
			1 1 2 SET k a PX 100 -> OK
			~1 3 4 GET k -> nil
			2 5 6 GET k -> "a"`, OK},
		{"a key without a deadline is gone", `
			1 1 2 SET k a PX 100 -> OK
			1 3 4 SET k b -> OK
			1 5 6 GET k -> nil`, Violation},
		{"PERSIST takes the deadline away", `
			1 1 2 SETEX k 10 a -> OK
			1 3 4 PERSIST k -> 1
			1 5 6 GET k -> nil`, Violation},
		{"KEEPTTL keeps it", `
			1 1 2 PSETEX k 10 a -> OK
			1 3 4 SET k b KEEPTTL -> OK
			1 5 6 GET k -> nil`, OK},
		{"KEEPTTL of a key that was gone keeps nothing", `
			1 1 2 PSETEX k 10 a -> OK
			1 3 4 GET k -> nil
			1 5 6 SET k b KEEPTTL -> OK
			1 7 8 GET k -> nil`, Violation},
		{"an append to a key that may be gone, seen in its length", `
			1 1 2 SET k ab PX 10 -> OK
			1 3 4 APPEND k cd -> 2
			1 5 6 GET k -> nil`, Violation},
		{"an unknown append to a key that may be gone leaves both possible", `
			1 1 2 SET k ab PX 10 -> OK
			1 3 ? APPEND k cd
			1 5 6 GET k -> "cd"`, OK},
		{"and the other", `
			1 1 2 SET k ab PX 10 -> OK
			1 3 ? APPEND k cd
			1 5 6 GET k -> "abcd"
			1 7 8 GET k -> nil`, OK},
		{"but not a third", `
			1 1 2 SET k ab PX 10 -> OK
			1 3 ? APPEND k cd
			1 5 6 GET k -> "cd"
			1 7 8 GET k -> nil`, Violation},
		{"EXPIRE tells whether the key is there", `
			1 1 2 EXPIRE k 5 -> 0
			1 3 4 SET k a -> OK
			1 5 6 EXPIRE k 5 -> 1
			1 7 8 TTL k -> 5
			1 9 10 PTTL k -> -2
			1 11 12 EXISTS k -> 0`, OK},
		{"TTL tells of a deadline that is not there", `
			1 1 2 SET k a -> OK
			1 3 4 TTL k -> 5`, Violation},
		{"a time to live that is over removes the key", `
			1 1 2 SET k a -> OK
			1 3 4 PEXPIRE k -1 -> 1
			1 5 6 GET k -> "a"`, Violation},
		{"an absolute deadline", `
			1 1 2 SET k a -> OK
			1 3 4 EXPIREAT k 1 -> 1
			1 5 6 GET k -> nil
			1 7 8 SET k a PXAT 1 -> OK
			1 9 10 GET k -> nil`, OK},
		{"keys of one command expire one by one", `
			1 1 2 SET a 1 PX 10 -> OK
			1 3 4 SET b 2 PX 10 -> OK
			1 5 6 MGET a b -> [nil "2"]
			1 7 8 MGET a b -> [nil nil]`, OK},
		{"a key that was gone in an MGET is back", `
			1 1 2 SET a 1 PX 10 -> OK
			1 3 4 SET b 2 PX 10 -> OK
			1 5 6 MGET a b -> [nil "2"]
			1 7 8 MGET a b -> ["1" "2"]`, Violation},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, history(t, test.history), Options{}, test.want) })
	}
}

// Where log time may have stood still a key may be there later, but not be gone earlier.
func TestExpiryOverAStandstill(t *testing.T) {
	options := Options{ClockError: 1_000_000, Standstill: 5_000_000}
	for now, want := range map[string]Verdict{
		"15000000 15000001 GET k -> \"a\"": OK,
		"17000000 17000001 GET k -> \"a\"": Violation,
		"8000000 8000001 GET k -> nil":     Violation,
	} {
		expect(t, history(t, "1 0 1 SET k a PX 10 -> OK\n1 "+now), options, want)
	}
}

// With a bound on the clocks' error, a deadline is one in time as well. Instants are nanoseconds: 10 ms are 10000000.
func TestExpiryByTheClock(t *testing.T) {
	options := Options{ClockError: 1_000_000}
	for _, test := range []struct {
		name    string
		history string
		want    Verdict
	}{
		{"gone after its time", `
			1 0 1 SET k a PX 10 -> OK
			1 12000000 12000001 GET k -> nil`, OK},
		{"gone too early", `
			1 0 1 SET k a PX 10 -> OK
			1 8000000 8000001 GET k -> nil`, Violation},
		{"there too late", `
			1 0 1 SET k a PX 10 -> OK
			1 12000000 12000001 GET k -> "a"`, Violation},
		{"there late, in a stale read", `
			1 0 1 SET k a PX 10 -> OK
			~1 12000000 12000001 GET k -> "a"`, OK},
		{"either, within the error", `
			1 0 1 SET k a PX 10 -> OK
			1 9500000 9500001 GET k -> "a"
			1 9600000 9600001 GET k -> nil`, OK},
		{"set at an unknown instant", `
			1 0 ? SET k a PX 10
			1 90000000 90000001 GET k -> "a"
			1 99000000 99000001 GET k -> nil`, OK},
		{"counted anew", `
			1 0 1 SET k a PX 10 -> OK
			1 5000000 5000001 PEXPIRE k 10 -> 1
			1 12000000 12000001 GET k -> "a"
			1 17000000 17000001 GET k -> nil`, OK},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, history(t, test.history), options, test.want) })
	}
}
