package resp

import (
	"strings"

	"redoubt/fsm"
)

// replyMode says whether replies are sent (CLIENT REPLY).
type replyMode int

const (
	replyOn replyMode = iota
	// replyOff drops all replies.
	replyOff
	// replySkipNext drops the reply to the next command, and replySkip is its state while that command runs.
	replySkipNext
	replySkip
)

// dispatch sends a command on its way: into the batch, or to the function here that answers it. An
// error ends the connection.
func (c *conn) dispatch(words [][]byte) error {
	c.count++
	if c.reply != replySkipNext {
		return c.route(words)
	}
	c.reply = replySkip
	if err := c.route(words); err != nil {
		return err
	}
	// The command runs alone, so that only its own reply is dropped.
	if err := c.execute(); err != nil {
		return err
	}
	if c.reply == replySkip {
		c.reply = replyOn
	}
	return nil
}

// route is dispatch without CLIENT REPLY SKIP.
func (c *conn) route(words [][]byte) error {
	if command := fsm.Lookup(words[0]); command != nil && command.Keyed() {
		c.queue(command, words)
		return nil
	}
	l := c.server.commands.find(words[0])
	if l == nil {
		c.unknown(words)
		return nil
	}
	if len(words) > 1 && len(l.subs) > 0 {
		sub := l.sub(words[1])
		if sub == nil {
			unknownSubcommand(c.openReply(), l.command.Name, words[1])
			c.closeReply()
			return nil
		}
		l = sub
	}
	c.last = &l.command
	if l.run == nil || !l.command.ValidArity(len(words)) {
		wrongArity(c.openReply(), l.command.Name)
		c.closeReply()
		return nil
	}
	if !l.anytime {
		if err := c.execute(); err != nil {
			return err
		}
		c.lastCommand.Store(c.last)
	}
	l.run(c, words, c.openReply())
	c.closeReply()
	return nil
}

// openReply returns where the reply to the current command goes if it is made here: behind the
// replies that are there, or, while commands before it wait to be run, aside.
func (c *conn) openReply() *fsm.Writer {
	w := &c.batch.Reply
	if len(c.ops) > 0 {
		w = &c.literals
	}
	c.mark = len(w.Buf)
	return w
}

// closeReply ends what openReply began.
func (c *conn) closeReply() {
	if len(c.ops) == 0 {
		if c.reply != replyOn {
			c.batch.Reply.Buf = c.batch.Reply.Buf[:c.mark]
		}
		return
	}
	if c.reply != replyOn {
		c.literals.Buf = c.literals.Buf[:c.mark]
		return
	}
	// The literal stays valid when the buffer grows: growing copies.
	end := len(c.literals.Buf)
	c.ops = append(c.ops, Op{Literal: c.literals.Buf[c.mark:end:end]})
}

// unknown answers a command that there is not.
func (c *conn) unknown(words [][]byte) {
	if name := strings.ToLower(string(words[0][:min(len(words[0]), 8)])); name == "post" || name == "host:" {
		// Web pages can make browsers send requests to local ports: their bodies must not run as commands.
		c.server.log.Warn("resp: closing a client that speaks HTTP", "client", c.id, "address", c.net.RemoteAddr())
		c.ending = true
		return
	}
	w := c.openReply()
	var args []byte
	for _, word := range words[1:] {
		if len(args) >= maxQuoted {
			break
		}
		args = append(args, '\'')
		args = append(args, quotable(word, maxQuoted-len(args)+1)...)
		args = append(args, "' "...)
	}
	w.Error("ERR unknown command '" + quotable(words[0], maxQuoted) + "', with args beginning with: " + string(args))
	c.closeReply()
}

// maxQuoted is how much of a client's own words an error repeats, in bytes.
const maxQuoted = 128

// quotable returns the beginning of a client's word in a form that an error may hold: up to max
// bytes, ending before the first zero byte, without line breaks.
func quotable(word []byte, max int) string {
	word = word[:min(len(word), max)]
	out := make([]byte, 0, len(word))
	for _, b := range word {
		switch b {
		case 0:
			return string(out)
		case '\r', '\n':
			b = ' '
		}
		out = append(out, b)
	}
	return string(out)
}

func wrongArity(w *fsm.Writer, name string) {
	w.Error("ERR wrong number of arguments for '" + name + "' command")
}

func unknownSubcommand(w *fsm.Writer, container string, sub []byte) {
	w.Error("ERR unknown subcommand '" + quotable(sub, maxQuoted) + "'. Try " + strings.ToUpper(container) + " HELP.")
}

// Texts of errors that several commands share.
const (
	errSyntax     = "ERR syntax error"
	errNotInteger = "ERR value is not an integer or out of range"
)
