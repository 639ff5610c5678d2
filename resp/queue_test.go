package resp

import (
	"fmt"
	"testing"
)

// An envelope runs its command once, and repeats the reply.
func TestOnce(t *testing.T) {
	s := start(t, nil)
	for _, proto := range []string{"2", "3"} {
		c := s.dial(t)
		c.do("HELLO", proto)
		c.do("FLUSHALL")
		session := fmt.Sprint(c.do("SESSION", "OPEN", "TTL", "60"))
		for _, step := range []struct{ command, want string }{
			{"once " + session + " 1 append a x", "1"},
			{"ONCE " + session + " 1 append a x", "1"},
			{"once " + session + " 3 incr a", "-ERR value is not an integer or out of range"},
			{"once " + session + " 2 mset b 1 c 2", "OK"},
			{"once " + session + " 3 set a other", "-ERR value is not an integer or out of range"},
			{"get a", "x"},
			{"once status " + session + " 1", "[done 1]"},
			{"Once Status " + session + " 4", "[unknown-to-log]"},
			{"session close " + session, "1"},
			{"session close " + session, "0"},
		} {
			c.want(step.command, step.want)
		}
		if reply := fmt.Sprint(c.do("ONCE", session, "4", "SET", "a", "late")); reply[:11] != "-NOSESSION " {
			t.Errorf("a command of a closed session replied %s", reply)
		}
	}
}

// What cannot be run once is refused here, whoever leads, and never reaches the replica.
func TestOnceRefusesWhatMakesNoSense(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	const session = "-ERR session must be an unsigned 64-bit integer above zero"
	const sequence = "-ERR sequence must be an unsigned 64-bit integer above zero"
	for command, want := range map[string]string{
		"once":                              "-ERR wrong number of arguments for 'once' command",
		"once 1":                            "-ERR wrong number of arguments for 'once' command",
		"once 1 2":                          "-ERR wrong number of arguments for 'once' command",
		"once status":                       "-ERR wrong number of arguments for 'once|status' command",
		"once status 1":                     "-ERR wrong number of arguments for 'once|status' command",
		"once status 1 2 3":                 "-ERR wrong number of arguments for 'once|status' command",
		"once 0 1 set a b":                  session,
		"once -1 1 set a b":                 session,
		"once x 1 set a b":                  session,
		"once 18446744073709551616 1 del a": session,
		"once 1 0 set a b":                  sequence,
		"once 1 01 set a b":                 sequence,
		"once 1 1 set a":                    "-ERR wrong number of arguments for 'set' command",
		"once 1 1 get a":                    "-ERR ONCE takes a command that writes to the keyspace, not 'get'",
		"once 1 1 nope a":                   "-ERR ONCE takes a command that writes to the keyspace, not 'nope'",
		"once 1 1 ping":                     "-ERR ONCE takes a command that writes to the keyspace, not 'ping'",
		"once 1 1 once 1 2 set a b":         "-ERR ONCE takes a command that writes to the keyspace, not 'once'",
		"once 1 1 session open":             "-ERR ONCE takes a command that writes to the keyspace, not 'session'",
		"once 1 1 config set timeout 1":     "-ERR ONCE takes a command that writes to the keyspace, not 'config'",
		"session":                           "-ERR wrong number of arguments for 'session' command",
		"session close":                     "-ERR wrong number of arguments for 'session|close' command",
		"session list":                      "-ERR unknown subcommand 'list'. Try SESSION HELP.",
		"object":                            "-ERR wrong number of arguments for 'object' command",
		"object encoding":                   "-ERR wrong number of arguments for 'object|encoding' command",
		"object colour a":                   "-ERR unknown subcommand 'colour'. Try OBJECT HELP.",
	} {
		c.want(command, want)
	}
	if n := s.replica.total(); n != 0 {
		t.Errorf("the replica was given %d commands", n)
	}
}

// An envelope is no barrier: it joins the batch of its pipeline, with the row and the words of its command.
func TestOnceJoinsTheBatch(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	session := fmt.Sprint(c.do("SESSION", "OPEN"))
	before := s.replica.batches.Load()
	c.send(encode("SET", "n", "5") + encode("ONCE", session, "1", "INCR", "n") + encode("GET", "n") +
		encode("ONCE", session, "1", "INCR", "n") + encode("ONCE", "STATUS", session, "1"))
	for _, want := range []string{"OK", "6", "6", "6", "[done 6]"} {
		if got := fmt.Sprint(c.reply()); got != want {
			t.Errorf("in a pipeline: replied %s, want %s", got, want)
		}
	}
	if batches := s.replica.batches.Load() - before; batches != 1 {
		t.Errorf("a pipeline with envelopes came as %d batches", batches)
	}
}
