package fsm

import (
	"slices"
	"strings"
)

// table holds every command of the state machine by name. It is built once and never changes.
var table = buildTable()

// nameMax is the length of the longest command name.
const nameMax = 24

func buildTable() map[string]*Command {
	families := [][]*Command{
		stringCommands(),
		rangeCommands(),
		numberCommands(),
		keyCommands(),
		scanCommands(),
		expireCommands(),
		objectCommands(),
		bitmapCommands(),
		lcsCommands(),
		sessionCommands(),
		onceCommands(),
	}
	rows := make(map[string]*Command)
	for _, family := range families {
		for _, row := range family {
			row.finish()
			if rows[row.Name] != nil || len(row.Name) > nameMax {
				panic("BUG: fsm: command row " + row.Name + " is there twice or its name is too long")
			}
			rows[row.Name] = row
		}
	}
	return rows
}

// Lookup returns the row of the command that the word names, in any case, or nil. It does not allocate.
func Lookup(name []byte) *Command {
	var buf [nameMax]byte
	return table[string(lower(buf[:], name))]
}

// Commands returns all rows of the state machine, sorted by name, in a fresh slice.
func Commands() []*Command {
	rows := make([]*Command, 0, len(table))
	for _, row := range table {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b *Command) int { return strings.Compare(a.Name, b.Name) })
	return rows
}

// categoryOrder is the order in which Redis lists ACL categories.
var categoryOrder = [...]string{
	"@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string", "@bitmap",
	"@hyperloglog", "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow", "@blocking",
	"@dangerous", "@connection", "@transaction", "@scripting",
}

// finish fills in what follows from the rest of a row: the range of the keys, and the categories
// that the flags imply.
func (c *Command) finish() {
	for i := range c.KeySpecs {
		spec := &c.KeySpecs[i]
		spec.Step = max(spec.Step, 1)
		if i == 0 {
			c.FirstKey, c.KeyStep = spec.First, spec.Step
		}
		c.LastKey = spec.Last
		if spec.Last >= 0 {
			c.LastKey += spec.First
		}
	}
	implied := map[string]bool{
		"@write": c.Flags&FlagWrite != 0,
		"@read":  c.Flags&FlagReadOnly != 0,
		"@fast":  c.Flags&FlagFast != 0,
		"@slow":  c.Flags&FlagFast == 0,
		"@admin": c.Flags&FlagAdmin != 0,
	}
	var all []string
	for _, name := range categoryOrder {
		if implied[name] || slices.Contains(c.Categories, name) {
			all = append(all, name)
		}
	}
	c.Categories = all
	for _, sub := range c.Subcommands {
		sub.finish()
	}
}

// resolve finds the row for the call's words and checks their number. With false the error is replied.
func (c *call) resolve() bool {
	if len(c.args) == 0 {
		c.w.Error("ERR empty command")
		return false
	}
	row := Lookup(c.args[0])
	if row == nil {
		c.unknownCommand()
		return false
	}
	if len(row.Subcommands) > 0 && len(c.args) > 1 {
		sub := row.Sub(c.args[1])
		if sub == nil {
			c.w.Error("ERR unknown subcommand '" + quoted(c.args[1], 128) + "'. Try " + strings.ToUpper(row.Name) + " HELP.")
			return false
		}
		row = sub
	}
	c.command = row
	if !row.ValidArity(len(c.args)) || row.run == nil {
		c.wrongArity()
		return false
	}
	return true
}

// wrongArity replies that the number of words does not fit the command.
func (c *call) wrongArity() {
	c.w.Error("ERR wrong number of arguments for '" + c.command.Name + "' command")
}

// unknownCommand replies as Redis does, with the beginning of the words.
func (c *call) unknownCommand() {
	if c.w.Discard {
		return
	}
	var words strings.Builder
	for _, arg := range c.args[1:] {
		if words.Len() >= 128 {
			break
		}
		words.WriteString("'" + quoted(arg, 128-words.Len()) + "' ")
	}
	c.w.Error("ERR unknown command '" + quoted(c.args[0], 128) + "', with args beginning with: " + words.String())
}

// quoted returns a word for use in an error text: at most limit bytes of it, and none after a NUL.
func quoted(word []byte, limit int) string {
	word = word[:min(len(word), limit)]
	if i := slices.Index(word, 0); i >= 0 {
		word = word[:i]
	}
	return string(word)
}
