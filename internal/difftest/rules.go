package difftest

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The rules below are the only ways in which replies may differ. All other replies must be equal to the byte.

// Two servers that run the same relative deadline do so some milliseconds apart, and a busy machine may put
// more between them. The generator only draws deadlines that are much farther away than this, or past.
const (
	toleranceMilliseconds = 5_000
	toleranceSeconds      = 5
)

// scanRoundsMax bounds a SCAN that never comes to its end.
const scanRoundsMax = 10_000

// nameOf returns the command's name in lower case.
func nameOf(c Command) string { return strings.ToLower(string(c[0])) }

// agree reports whether two replies to c are equal, by the rule of that command.
func agree(c Command, ours, theirs observation) bool {
	if bytes.Equal(ours.reply, theirs.reply) {
		return true
	}
	switch nameOf(c) {
	case "keys":
		return bytes.Equal(sorted(ours.reply), sorted(theirs.reply))
	case "scan":
		// Only a scan that starts in the middle comes here unequal: its cursor means something to one server
		// only, so it is enough that both take it or both refuse it with the same text.
		return isArray(ours.reply) && isArray(theirs.reply)
	case "randomkey":
		// The choice is free, among the keys that Redis has.
		return isMember(ours.reply, theirs.before) && isMember(theirs.reply, theirs.before)
	case "ttl", "expiretime":
		return near(ours.reply, theirs.reply, toleranceSeconds)
	case "pttl", "pexpiretime":
		return near(ours.reply, theirs.reply, toleranceMilliseconds)
	case "object":
		// Redis shares small integers between keys, and with them the time since somebody last looked.
		return len(c) > 1 && strings.EqualFold(string(c[1]), "idletime") &&
			near(ours.reply, theirs.reply, math.MaxInt64)
	}
	return false
}

// preludeOf returns a command to be run before c, or nil.
func preludeOf(c Command) Command {
	switch nameOf(c) {
	case "dbsize":
		// Redis counts keys that are past their deadline until something removes them. A scan does.
		return words("SCAN", "0", "COUNT", "100000")
	case "randomkey":
		return words("KEYS", "*")
	}
	return nil
}

// startsScan reports whether c is a SCAN from the beginning. It is run to its end, since cursors and
// the portions of an iteration are each server's own affair; what all portions hold together is not.
func startsScan(c Command) bool {
	return nameOf(c) == "scan" && len(c) > 1 && string(c[1]) == "0"
}

// scanAll runs a SCAN to its end and returns one reply with cursor 0 and each key once, sorted. An error reply
// is returned as it is.
func scanAll(e Executor, c Command, proto int) ([]byte, error) {
	seen := map[string]bool{}
	c = slices.Clone(c)
	for range scanRoundsMax {
		replies, err := e.Do([]Command{c}, proto)
		if err != nil {
			return nil, err
		}
		parts, ok := elements(replies[0])
		if !ok {
			return replies[0], nil
		}
		if len(parts) != 2 {
			return nil, errors.New("not two elements")
		}
		cursor, ok := bulk(parts[0])
		if !ok {
			return nil, errors.New("no cursor")
		}
		keys, ok := elements(parts[1])
		if !ok {
			return nil, errors.New("no array of keys")
		}
		for _, key := range keys {
			seen[string(key)] = true
		}
		if string(cursor) == "0" {
			return scanReply(seen), nil
		}
		c[1] = cursor
	}
	return nil, errors.New("does not come to its end")
}

func scanReply(seen map[string]bool) []byte {
	keys := make([]string, 0, len(seen))
	for key := range seen {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	reply := append([]byte("*2\r\n$1\r\n0\r\n*"), strconv.Itoa(len(keys))...)
	reply = append(reply, "\r\n"...)
	for _, key := range keys {
		reply = append(reply, key...)
	}
	return reply
}

// sorted returns an array reply with its elements in order; any other reply as it is.
func sorted(reply []byte) []byte {
	parts, ok := elements(reply)
	if !ok {
		return reply
	}
	slices.SortFunc(parts, bytes.Compare)
	header := reply[:bytes.IndexByte(reply, '\n')+1]
	return append(slices.Clone(header), bytes.Join(parts, nil)...)
}

func isArray(reply []byte) bool {
	_, ok := elements(reply)
	return ok
}

// isMember reports whether the bulk string is one of the array's elements.
func isMember(reply, array []byte) bool {
	parts, _ := elements(array)
	return slices.ContainsFunc(parts, func(part []byte) bool { return bytes.Equal(part, reply) })
}

// near reports whether two integers are within the tolerance. Negative ones, which say that there is no key
// or no deadline, have none.
func near(ours, theirs []byte, tolerance int64) bool {
	a, okA := integer(ours)
	b, okB := integer(theirs)
	if !okA || !okB || a < 0 || b < 0 {
		return false
	}
	return max(a, b)-min(a, b) <= tolerance
}
