package lin

import (
	"errors"
	"strings"
)

// setOptions are the options of a SET.
type setOptions struct {
	nx, xx, get, keep bool
	// A time to live in milliseconds, or with at a deadline of which only the order is modelled.
	millis int64
	at     bool
}

var errSetOptions = errors.New("these options are not modelled")

func parseSet(words []string) (o setOptions, err error) {
	for i := 3; i < len(words); i++ {
		switch option := strings.ToLower(words[i]); option {
		case "nx":
			o.nx = true
		case "xx":
			o.xx = true
		case "get":
			o.get = true
		case "keepttl":
			o.keep = true
		case "ex", "px", "exat", "pxat":
			i++
			if i == len(words) || checkPositive(i)(words) != nil || o.millis != 0 {
				return o, errSetOptions
			}
			o.millis = integer(words[i])
			if option == "ex" {
				o.millis *= 1000
			}
			o.at = option == "exat" || option == "pxat"
		default:
			return o, errSetOptions
		}
	}
	if o.nx && o.xx || o.keep && o.millis != 0 {
		return o, errSetOptions
	}
	return o, nil
}

func checkSet(words []string) error {
	_, err := parseSet(words)
	return err
}

func runSet(c *call) Reply {
	o, err := parseSet(c.words)
	if err != nil {
		panic("BUG: lin: an unchecked SET")
	}
	at := c.key(0)
	old, reply := *at, Text("OK")
	if o.get {
		reply = old.bulk()
	}
	if o.nx && old.present || o.xx && !old.present {
		if !o.get {
			reply = Null()
		}
		return reply
	}
	*at = text(c.words[2])
	switch {
	case o.keep && old.present:
		at.expires, at.from, at.until = old.expires, old.from, old.until
	case o.at:
		at.expires, at.from, at.until = true, never, ever
	case o.millis > 0:
		c.deadline(at, o.millis)
	}
	return reply
}

// runSetEX is SETEX and PSETEX; unit is that of its time in milliseconds.
func runSetEX(unit int64) func(*call) Reply {
	return func(c *call) Reply {
		*c.key(0) = text(c.words[3])
		c.deadline(c.key(0), unit*integer(c.words[2]))
		return Text("OK")
	}
}

// runExpire is EXPIRE and PEXPIRE.
func runExpire(unit int64) func(*call) Reply {
	return func(c *call) Reply {
		at := c.key(0)
		if !at.present {
			return Int(0)
		}
		if millis := unit * integer(c.words[2]); millis > 0 {
			c.deadline(at, millis)
		} else {
			*at = cell{}
		}
		return Int(1)
	}
}

// runExpireAt is EXPIREAT and PEXPIREAT. The clock of the deadline is not the history's, so only the order counts.
func runExpireAt(c *call) Reply {
	at := c.key(0)
	if !at.present {
		return Int(0)
	}
	at.expires, at.from, at.until = true, never, ever
	return Int(1)
}

func runPersist(c *call) Reply {
	at := c.key(0)
	if !at.present || !at.expires {
		return Int(0)
	}
	at.expires, at.from, at.until = false, 0, 0
	return Int(1)
}

// runTTL is TTL and PTTL: how long a key still lives is not modelled, only that it does and has a deadline.
func runTTL(c *call) Reply {
	at := c.key(0)
	switch {
	case !at.present:
		return Int(-2)
	case !at.expires:
		return Int(-1)
	case c.known && c.seen.Kind == KindInt && c.seen.Int >= 0:
		return c.seen
	}
	return Int(0)
}
