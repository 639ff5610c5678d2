package fsm

import "strconv"

// Error replies of ONCE. Clients tell the outcomes apart by the codes.
const (
	errNoSession = "NOSESSION There is no such session: it was never opened, or closed, or has expired; " +
		"whether a retried command was applied is not known any more"
	errOnceExpired = "ONCEEXPIRED The sequence is below the session's window; whether the command was applied is not known any more"
	errOnceLost    = "ONCELOST The command was applied; its reply was not kept"
	errSequence    = "ERR sequence must be an unsigned 64-bit integer above zero"
	errSessionID   = "ERR session must be an unsigned 64-bit integer above zero"
)

// ApplyOnce is Apply for a command that a client may send more than once: in a session it runs a sequence once,
// and answers it with the same reply ever after. A session of zero stands for none.
//
// A session tells the 128 sequences up to its highest one apart. Those may come in any order; one below them is refused with
// ONCEEXPIRED. Without the session the reply is NOSESSION. A reply that was too long to keep, or had to go for newer
// ones, is ONCELOST in a repetition. None of these runs the command.
//
// Exactly-once semantics: Ongaro's thesis, section 6.3.
func (m *Machine) ApplyOnce(session, sequence uint64, args [][]byte, w *Writer) {
	if session == 0 {
		m.Apply(args, w)
		return
	}
	s := m.sessions.living(session, m.logTime)
	switch {
	case sequence == 0:
		w.Error(errSequence)
		return
	case s == nil:
		w.Error(errNoSession)
		return
	}
	s = m.sessions.use(s, m.logTime)
	if at, done := s.find(sequence); done {
		w.kept(s.done[at])
		return
	}
	if s.forgets(sequence) {
		w.Error(errOnceExpired)
		return
	}
	reply := m.capture(args, w)
	// The command may have closed its own session.
	if s = m.sessions.living(session, m.logTime); s != nil {
		m.sessions.record(s, sequence, reply)
	}
}

// capture runs a command, writes its reply to w, and returns it in canonical form, or nothing if it is too long to be kept.
func (m *Machine) capture(args [][]byte, w *Writer) (reply string) {
	once := &m.once
	once.capture(w)
	m.Apply(args, once)
	switch {
	case once.final == nil:
		// It became too long on the way, and its end was written for w already.
		*w, once.Buf = *once, nil
	case len(once.Buf) > sessionReplyMax:
		w.canonical(once.Buf)
		once.Buf = nil
	default:
		w.canonical(once.Buf)
		reply = keep(once.Buf)
	}
	once.final, once.Room = nil, nil
	return reply
}

// kept writes the reply to a sequence that was run.
func (w *Writer) kept(o outcome) {
	if o.reply == "" {
		w.Error(errOnceLost)
		return
	}
	w.canonical([]byte(o.reply))
}

// ParseOnce reads the session and the sequence of a command that is to run once. If one of them is no
// unsigned 64-bit number in decimal, or zero, problem is the error to reply.
func ParseOnce(session, sequence []byte) (id, number uint64, problem string) {
	id, ok := ParseOrdinal(session)
	if !ok {
		return 0, 0, errSessionID
	}
	number, ok = ParseOrdinal(sequence)
	if !ok {
		return 0, 0, errSequence
	}
	return id, number, ""
}

// ParseOrdinal reads a number above zero: decimal digits without a sign or leading zeros, within 64 bits.
func ParseOrdinal(word []byte) (n uint64, ok bool) {
	if len(word) == 0 || word[0] < '1' || word[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(word), 10, 64)
	return n, err == nil
}

// onceCommands is ONCE with its subcommands. The front end takes apart a ONCE that carries a command; what comes
// here asks about one.
func onceCommands() []*Command {
	return []*Command{
		{Name: "once", Arity: -4, Flags: FlagMovableKeys, Group: "generic", Since: "1.0.0", Complexity: "Depends on the command.",
			Summary:    "Runs a command once, however often it is sent, and tells what became of it.",
			Categories: []string{"@keyspace"},
			Subcommands: []*Command{
				{Name: "once|status", Arity: 4, Flags: FlagReadOnly | FlagFast, Group: "generic", Since: "1.0.0", Complexity: "O(1)",
					Summary:    "Tells whether a sequence of a session was run, and its reply.",
					Categories: []string{"@keyspace"}, run: runOnceStatus},
				helpCommand("once",
					"<session> <sequence> <command> [<arg> ...]",
					"    Run a command that writes, unless the session has run the sequence before, and",
					"    return its reply, the same each time.",
					"STATUS <session> <sequence>",
					"    Tell whether the session has run a sequence, and its reply."),
			}},
	}
}

// runOnceStatus replies what is known of a sequence: ["done", the reply], ["unknown-to-log"] if it has not been run so far, or
// ["expired"] if it lies below the window.
func runOnceStatus(c *call) {
	id, sequence, problem := ParseOnce(c.args[2], c.args[3])
	if problem != "" {
		c.w.Error(problem)
		return
	}
	s := c.m.sessions.living(id, c.m.logTime)
	if s == nil {
		c.w.Error(errNoSession)
		return
	}
	at, done := s.find(sequence)
	switch {
	case done:
		c.w.Array(2)
		c.w.BulkString("done")
		c.w.kept(s.done[at])
	case s.forgets(sequence):
		c.w.Array(1)
		c.w.BulkString("expired")
	default:
		c.w.Array(1)
		c.w.BulkString("unknown-to-log")
	}
}
