package difftest

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Generator draws scripts. All that it draws depends on the seed alone, the time of day not included.
type Generator struct {
	rows   []row
	weight int
}

// row is a line of the grammar, parsed.
type row struct {
	weight int
	parts  []part
}

// NewGenerator returns a generator of commands by the lines of a grammar; see Grammar.
func NewGenerator(grammar string) *Generator {
	g := &Generator{}
	for line := range strings.Lines(grammar) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		weight, template, _ := strings.Cut(line, " ")
		n, err := strconv.Atoi(weight)
		if err != nil {
			panic("BUG: grammar line without a weight: " + line)
		}
		g.rows = append(g.rows, row{n, parseTemplate(template)})
		g.weight += n
	}
	return g
}

// Script draws a script of about the given number of commands.
func (g *Generator) Script(seed uint64, commands int) Script {
	d := newDraw(seed)
	script := Script{Seed: seed, Proto: 2 + d.IntN(2)}
	if d.chance(4) {
		d.crowd(&script)
		commands *= 5
	}
	// Some scripts only use a few kinds of commands, so that these meet more often.
	rows := g.rows
	if d.chance(30) {
		rows = nil
		for range 4 {
			rows = append(rows, g.pick(d))
		}
	}
	for range commands/2 + d.IntN(commands) {
		var r row
		if len(rows) < len(g.rows) {
			r = rows[d.IntN(len(rows))]
		} else {
			r = g.pick(d)
		}
		c := d.command(r)
		for dependsOnTime(c) || isHuge(c) || isOwn(c) {
			c = d.command(r)
		}
		script.Commands = append(script.Commands, c)
	}
	return script
}

func (g *Generator) pick(d *draw) row {
	n := d.IntN(g.weight)
	for _, r := range g.rows {
		if n -= r.weight; n < 0 {
			return r
		}
	}
	panic("BUG: the weights of the grammar do not add up")
}

// draw is the state of one script's choices.
type draw struct {
	*rand.Rand
	// keys is the pool that all commands of the script share.
	keys [][]byte
}

func newDraw(seed uint64) *draw {
	d := &draw{Rand: rand.New(rand.NewPCG(seed, 0))}
	all := keyPool()
	d.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	d.keys = all[:2+d.IntN(4)]
	return d
}

// crowdMax is how many keys a crowd has at most: more than fit where keys of one slot are kept together.
const crowdMax = 300

// crowd fills one slot with keys before the script begins.
func (d *draw) crowd(script *Script) {
	d.keys = nil
	fill := words("MSET")
	for i := range crowdMax/4 + d.IntN(crowdMax*3/4) {
		key := strconv.AppendInt([]byte("{crowd}"), int64(i), 10)
		d.keys = append(d.keys, key)
		fill = append(fill, key, d.value())
	}
	script.Commands = append(script.Commands, fill)
}

// chance is true in percent of a hundred cases.
func (d *draw) chance(percent int) bool { return d.IntN(100) < percent }

// command draws a command by a row of the grammar, and spoils some.
func (d *draw) command(r row) Command {
	var c Command
	d.expand(&c, r.parts)
	if d.chance(6) {
		c = d.spoil(c)
	}
	for i, word := range c {
		// Names and options are in capitals here, but a key or a value that has capitals may change too.
		if d.chance(10) && isCapitals(word) {
			c[i] = d.mixCase(word)
		}
	}
	return c
}

// expand appends the words of a template.
func (d *draw) expand(c *Command, parts []part) {
	for len(parts) > 0 {
		// Options that follow each other come in any order.
		n := 0
		for n < len(parts) && parts[n].kind == optionPart {
			n++
		}
		if n == 0 {
			d.expandOne(c, parts[0])
			parts = parts[1:]
			continue
		}
		options := slices.Clone(parts[:n])
		if d.chance(50) {
			d.Shuffle(n, func(i, j int) { options[i], options[j] = options[j], options[i] })
		}
		for _, o := range options {
			d.expandOne(c, o)
		}
		parts = parts[n:]
	}
}

func (d *draw) expandOne(c *Command, p part) {
	switch p.kind {
	case wordPart:
		*c = append(*c, []byte(p.text))
	case slotPart:
		*c = append(*c, d.slot(p.text))
	case choicePart:
		d.expand(c, p.alternatives[d.IntN(len(p.alternatives))])
	case optionPart:
		times := 0
		switch n := d.IntN(100); {
		case n < 42:
			times = 1
		case n < 46:
			times = 2 // a repetition, or two that exclude each other
		}
		for range times {
			d.expand(c, p.alternatives[d.IntN(len(p.alternatives))])
		}
	case repeatPart:
		for range 1 + d.IntN(4) {
			d.expand(c, p.alternatives[d.IntN(len(p.alternatives))])
		}
	}
}

// spoil makes a command wrong, probably.
func (d *draw) spoil(c Command) Command {
	c = slices.Clone(c)
	i := d.IntN(len(c))
	switch d.IntN(6) {
	case 0: // too short
		c = c[:1+i]
	case 1:
		if i > 0 {
			c = slices.Delete(c, i, i+1)
		}
	case 2:
		c = slices.Insert(c, i+1, d.junk())
	case 3:
		if i > 0 {
			c[i] = d.junk()
		}
	case 4:
		j := d.IntN(len(c))
		if i > 0 && j > 0 {
			c[i], c[j] = c[j], c[i]
		}
	case 5:
		c = append(c, c[i])
	}
	return c
}

func (d *draw) mixCase(word []byte) []byte {
	word = slices.Clone(word)
	for i := range word {
		if d.chance(50) && word[i] >= 'A' && word[i] <= 'Z' {
			word[i] += 'a' - 'A'
		}
	}
	return word
}

func isCapitals(word []byte) bool {
	for _, c := range word {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(word) > 0
}

// The bounds within which the words of a command would make a script depend on when it runs: a deadline so
// near that it may pass in between. The number counts in whichever unit the command uses.
const nearDeadlineMax = 99_999

// dependsOnTime reports whether a command sets a deadline that may pass while the script runs.
func dependsOnTime(c Command) bool {
	from := 0
	switch nameOf(c) {
	case "expire", "pexpire", "setex", "psetex", "getex":
		from = 2
	case "set":
		from = 3
	default:
		return false
	}
	for _, word := range c[min(from, len(c)):] {
		if n, err := strconv.ParseInt(string(word), 10, 64); err == nil && n > 0 && n <= nearDeadlineMax {
			return true
		}
	}
	return false
}

// isOwn reports whether each server answers a command in its own way: with a list of all its commands, with what it is,
// or with how its replicas stand after a time that it waits for them. And Redis reads a cursor up to its first NUL; we
// refuse it.
func isOwn(c Command) bool {
	second := ""
	if len(c) > 1 {
		second = string(c[1])
	}
	switch nameOf(c) {
	case "command":
		// Redis lists subcommands in the order of a hash table, and words its documentation otherwise.
		return len(c) < 3 || strings.EqualFold(second, "docs") && len(c) > 3 ||
			slices.ContainsFunc(c[2:], func(word []byte) bool { return strings.EqualFold(string(word), "command") })
	case "hello":
		return len(c) < 2 || second == "2" || second == "3"
	case "scan":
		return strings.Contains(second, "\x00")
	case "wait":
		return len(c) > 1 && second != "0"
	}
	return false
}

// isHuge reports whether a command would make a value of many megabytes. Offsets beyond what the server
// allows are fine: they are refused.
func isHuge(c Command) bool {
	const bytesMax, valueBytesMax = 1 << 17, 512 << 20
	unit := int64(1)
	switch nameOf(c) {
	case "setbit", "bitfield", "bitfield_ro":
		unit = 8
	case "setrange":
	default:
		return false
	}
	for _, word := range c[min(2, len(c)):] {
		text, counted := strings.CutPrefix(string(word), "#")
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			continue
		}
		low, high := n/unit, n/unit
		if counted {
			low, high = n/8, n*8 // fields of 1 bit, of 64 bits
		}
		if high > bytesMax && low < valueBytesMax {
			return true
		}
	}
	return false
}
