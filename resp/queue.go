package resp

import (
	"strings"

	"redoubt/fsm"
)

// queue adds a command of the state machine to the batch, or answers that its words do not fit.
func (c *conn) queue(command *fsm.Command, words [][]byte) {
	c.last = command
	op := Op{Command: command, Args: words}
	reason := ""
	switch {
	case len(command.Subcommands) == 0 || len(words) < 2:
	case isEnvelope(words):
		op, reason = openEnvelope(words)
	default:
		sub := command.Sub(words[1])
		if sub == nil && command.ValidArity(len(words)) {
			unknownSubcommand(c.openReply(), command.Name, words[1])
			c.closeReply()
			return
		}
		if sub != nil {
			op.Command, c.last = sub, sub
		}
	}
	if reason == "" && !op.Command.ValidArity(len(op.Args)) {
		reason = "ERR wrong number of arguments for '" + op.Command.Name + "' command"
	}
	if reason != "" {
		c.openReply().Error(reason)
		c.closeReply()
		return
	}
	c.ops = append(c.ops, op)
}

// An envelope is a command with the session and the number under which it may be sent again and is still applied once:
// ONCE <session> <sequence> <command> [<arg> ...].
const (
	envelopeName = "once"
	// envelopeWords is how many words stand before the inner command.
	envelopeWords = 3
)

// isEnvelope reports whether a command line is an envelope, and not a subcommand (ONCE STATUS).
func isEnvelope(words [][]byte) bool {
	if len(words) <= envelopeWords || !equalFold(words[0], envelopeName) {
		return false
	}
	return fsm.Lookup(words[0]).Sub(words[1]) == nil
}

// openEnvelope returns the inner command of an envelope, or why it cannot be run.
func openEnvelope(words [][]byte) (op Op, reason string) {
	session, sequence, problem := fsm.ParseOnce(words[1], words[2])
	if problem != "" {
		return Op{}, problem
	}
	inner := words[envelopeWords:]
	command := fsm.Lookup(inner[0])
	if command == nil || !command.Keyed() || !command.Writes() || len(command.Subcommands) > 0 {
		return Op{}, "ERR ONCE takes a command that writes to the keyspace, not '" + strings.ToLower(quotable(inner[0], maxQuoted)) + "'"
	}
	return Op{Command: command, Args: inner, Session: session, Sequence: sequence}, ""
}
