package lin

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// spec says what the model knows of a command.
type spec struct {
	// Numbers of words, the name included. most < 0: no bound.
	least, most int
	// Keys are the words from 1 to last (negative: counted from the end), every step-th.
	last, step int
	// value is which word the key holds afterwards, at its end at least; zero if it is not that simple.
	value    int
	readOnly bool
	// check refuses arguments that are not modelled. It may be nil.
	check func(words []string) error
	// run acts on the call's keys and returns the reply.
	run func(c *call) Reply
}

// specs is the table of modelled commands.
func specs() map[string]spec {
	return map[string]spec{
		"get":       {2, 2, 1, 1, 0, true, nil, runGet},
		"strlen":    {2, 2, 1, 1, 0, true, nil, runStrlen},
		"exists":    {2, -1, -1, 1, 0, true, nil, runExists},
		"touch":     {2, -1, -1, 1, 0, false, nil, runExists},
		"mget":      {2, -1, -1, 1, 0, true, nil, runMGet},
		"set":       {3, -1, 1, 1, 2, false, checkSet, runSet},
		"setnx":     {3, 3, 1, 1, 2, false, nil, runSetNX},
		"setex":     {4, 4, 1, 1, 3, false, checkPositive(2), runSetEX(1000)},
		"psetex":    {4, 4, 1, 1, 3, false, checkPositive(2), runSetEX(1)},
		"getset":    {3, 3, 1, 1, 2, false, nil, runGetSet},
		"getdel":    {2, 2, 1, 1, 0, false, nil, runGetDel},
		"append":    {3, 3, 1, 1, 2, false, nil, runAppend},
		"incr":      {2, 2, 1, 1, 0, false, nil, runIncr(1)},
		"decr":      {2, 2, 1, 1, 0, false, nil, runIncr(-1)},
		"incrby":    {3, 3, 1, 1, 0, false, checkInteger(2), runIncrBy(1)},
		"decrby":    {3, 3, 1, 1, 0, false, checkInteger(2), runIncrBy(-1)},
		"del":       {2, -1, -1, 1, 0, false, nil, runDel},
		"unlink":    {2, -1, -1, 1, 0, false, nil, runDel},
		"mset":      {3, -1, -2, 2, 2, false, checkPairs, runMSet},
		"msetnx":    {3, -1, -2, 2, 2, false, checkPairs, runMSetNX},
		"expire":    {3, 3, 1, 1, 0, false, checkInteger(2), runExpire(1000)},
		"pexpire":   {3, 3, 1, 1, 0, false, checkInteger(2), runExpire(1)},
		"expireat":  {3, 3, 1, 1, 0, false, checkInteger(2), runExpireAt},
		"pexpireat": {3, 3, 1, 1, 0, false, checkInteger(2), runExpireAt},
		"persist":   {2, 2, 1, 1, 0, false, nil, runPersist},
		"ttl":       {2, 2, 1, 1, 0, true, nil, runTTL},
		"pttl":      {2, 2, 1, 1, 0, true, nil, runTTL},
	}
}

// keys returns the keys that words name.
func (s spec) keys(words []string) []string {
	last := s.last
	if last < 0 {
		last += len(words)
	}
	var keys []string
	for i := 1; i <= last; i += s.step {
		keys = append(keys, words[i])
	}
	return keys
}

// specOf finds the command that words name, and checks its arguments.
func specOf(table map[string]spec, words []string) (spec, error) {
	if len(words) == 0 {
		return spec{}, fmt.Errorf("lin: an operation without words")
	}
	s, ok := table[strings.ToLower(words[0])]
	if !ok {
		return spec{}, fmt.Errorf("lin: %s is not modelled", words[0])
	}
	if len(words) < s.least || s.most >= 0 && len(words) > s.most {
		return spec{}, fmt.Errorf("lin: %s with %d words is not modelled", words[0], len(words))
	}
	if s.check != nil {
		if err := s.check(words); err != nil {
			return spec{}, fmt.Errorf("lin: %s: %w", strings.Join(words, " "), err)
		}
	}
	return s, nil
}

// Supported returns nil if the operation's command is modelled, and otherwise why not.
func Supported(words []string) error {
	words, _ = unwrap(words)
	_, err := specOf(specs(), words)
	return err
}

// call is one command that runs on a world of its own.
type call struct {
	world world
	at    []int // the places of the command's keys
	words []string
	// The command acts at some instant from called to returned; clockError is how far log time may be from that clock, or
	// zero if nothing is known of it, and standstill for how long it may not have passed.
	called, returned, clockError, standstill int64
	// seen is the reply that the client got, if it is known.
	known bool
	seen  Reply
}

// key returns what the i-th key of the command holds.
func (c *call) key(i int) *cell { return &c.world[c.at[i]] }

// deadline gives a cell a time to live that counts from now.
func (c *call) deadline(at *cell, millis int64) {
	at.expires, at.from, at.until = true, never, ever
	if c.clockError <= 0 {
		return
	}
	if c.called != never {
		at.from = add(c.called, millis, -c.clockError)
	}
	if c.returned != ever {
		at.until = add(c.returned, millis, c.clockError+c.standstill)
	}
}

const nanosPerMilli = 1_000_000

// add returns instant + millis + nanos in nanoseconds, or ever if that is too large.
func add(instant, millis, nanos int64) int64 {
	if millis > ever/4/nanosPerMilli || instant > ever/4 {
		return ever
	}
	return instant + millis*nanosPerMilli + nanos
}

func text(s string) cell { return cell{present: true, text: s} }

// bulk is a key's string, or null.
func (at *cell) bulk() Reply {
	if !at.present {
		return Null()
	}
	return Text(at.text)
}

func runGet(c *call) Reply    { return c.key(0).bulk() }
func runStrlen(c *call) Reply { return Int(int64(len(c.key(0).text))) }

func runExists(c *call) Reply {
	n := 0
	for i := range c.at {
		if c.key(i).present {
			n++
		}
	}
	return Int(int64(n))
}

func runMGet(c *call) Reply {
	items := make([]Reply, len(c.at))
	for i := range items {
		items[i] = c.key(i).bulk()
	}
	return Array(items...)
}

func runSetNX(c *call) Reply {
	if c.key(0).present {
		return Int(0)
	}
	*c.key(0) = text(c.words[2])
	return Int(1)
}

func runGetSet(c *call) Reply {
	old := c.key(0).bulk()
	*c.key(0) = text(c.words[2])
	return old
}

func runGetDel(c *call) Reply {
	old := c.key(0).bulk()
	*c.key(0) = cell{}
	return old
}

func runAppend(c *call) Reply {
	at := c.key(0)
	at.present = true
	at.text += c.words[2]
	return Int(int64(len(at.text)))
}

func runDel(c *call) Reply {
	reply := Int(0)
	for i := range c.at {
		if c.key(i).present {
			reply.Int++
		}
		*c.key(i) = cell{}
	}
	return reply
}

func runMSet(c *call) Reply {
	for i := range c.at {
		*c.key(i) = text(c.words[2*i+2])
	}
	return Text("OK")
}

func runMSetNX(c *call) Reply {
	for i := range c.at {
		if c.key(i).present {
			return Int(0)
		}
	}
	runMSet(c)
	return Int(1)
}

func checkPairs(words []string) error {
	if len(words)%2 == 0 {
		return fmt.Errorf("a key without a value")
	}
	return nil
}

func runIncr(by int64) func(*call) Reply {
	return func(c *call) Reply { return c.incr(by) }
}

func runIncrBy(sign int64) func(*call) Reply {
	return func(c *call) Reply { return c.incr(sign * integer(c.words[2])) }
}

func (c *call) incr(by int64) Reply {
	at := c.key(0)
	var n int64
	if at.present {
		var err error
		// Redis takes the one spelling that it would print.
		if n, err = strconv.ParseInt(at.text, 10, 64); err != nil || strconv.FormatInt(n, 10) != at.text {
			return Error("ERR value is not an integer or out of range")
		}
	}
	if by > 0 && n > math.MaxInt64-by || by < 0 && n < math.MinInt64-by {
		return Error("ERR increment or decrement would overflow")
	}
	n += by
	at.present, at.text = true, strconv.FormatInt(n, 10)
	return Int(n)
}

// integer reads an argument that was checked.
func integer(word string) int64 {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		panic("BUG: lin: an unchecked integer: " + word)
	}
	return n
}

// mostMillis bounds modelled times and increments, so that sums stay in range.
const mostMillis = math.MaxInt64 / 2 / 1000

func checkInteger(i int) func([]string) error {
	return func(words []string) error {
		n, err := strconv.ParseInt(words[i], 10, 64)
		if err != nil || n > mostMillis || n < -mostMillis {
			return fmt.Errorf("%q is not modelled", words[i])
		}
		return nil
	}
}

func checkPositive(i int) func([]string) error {
	return func(words []string) error {
		if err := checkInteger(i)(words); err != nil || integer(words[i]) <= 0 {
			return fmt.Errorf("%q is not modelled", words[i])
		}
		return nil
	}
}
