package sim

import (
	"fmt"
	"strings"
	"time"

	"redoubt/internal/lin"
)

// client is a user of the cluster: it calls, waits, follows redirects, gives up, and writes down what it was told.
type client struct {
	w      *world
	number int
	random random
	work   workload
	// through says how it works: plain writes, which it never repeats unless they were certainly not done; writes
	// through a session, which it repeats until their outcome is known; or reads on any node.
	through mode
	// proto is the version of the protocol that it speaks: 2 or 3.
	proto int
	// leader is whom it believes to lead, or nil.
	leader *machine
	// session is the one that it writes through, and sequence the last of its commands.
	session, sequence uint64
	// ttl is how long the session lives without use, and used when it was last used for certain.
	ttl, used time.Duration
	// done is the last of its commands that took effect, and reply what it answered; to be asked about.
	done  *command
	reply lin.Reply
	// past are the latest commands of its session that took effect, with their replies.
	past []pastCommand
	// call is under way, or nil; attempt numbers what was sent, so that late replies are recognised.
	call    *call
	attempt int
	// script says what to call, or is nil for a client that makes up its mind.
	script *verifier
}

// name is what the trace calls the client.
func (c *client) name() string { return fmt.Sprintf("c%d", c.number) }

type mode uint8

const (
	plain mode = iota
	throughSession
	reading
)

// call is one pipeline of a client, until the outcome of all its commands is known or given up.
type call struct {
	began    time.Duration
	attempts int
	// open are the commands without an outcome yet.
	open []*command
	// token is what an echo at the end of the pipeline must reply, or empty.
	token string
}

// command is one command of a call.
type command struct {
	words []string
	began time.Duration
	// session and sequence are those of its envelope, or zero.
	session, sequence uint64
	// doubtful: an attempt at it had no answer, so that it may have been done.
	doubtful bool
	reads    bool
	// group is that of its keys; nil if it has none.
	group *group
	// repeats is the command of the past that it sends again, or nil.
	repeats *pastCommand
}

// pastCommand is one that took effect.
type pastCommand struct {
	words             []string
	session, sequence uint64
	reply             lin.Reply
}

const (
	// maxPast is how many past commands a client remembers: some that the cluster has forgotten, too.
	maxPast = 200
	// onceWindow is for how many of a session's commands the cluster promises to remember the reply.
	onceWindow = 128
)

// patience is how long a client goes on trying, in timeouts.
const patience = 12

func (w *world) startClients() {
	load := &w.plan.load
	for i := range load.clients + load.readers {
		c := &client{w: w, number: i, random: newRandom(w.seed, drawsWorkload<<8+uint64(i)), proto: 2}
		if c.random.chance(load.resp3) {
			c.proto = 3
		}
		switch {
		case i >= load.clients:
			c.through = reading
		case i < load.sessions:
			c.through = throughSession
		}
		c.work.init(c)
		w.clients = append(w.clients, c)
		c.think()
	}
}

// think waits, then calls, for ever.
func (c *client) think() {
	if c.script != nil {
		c.w.after(0, c.script.proceed)
		return
	}
	wait := c.random.wait(c.w.plan.load.pause)
	if herd := c.w.plan.load.herd; herd > 0 {
		wait += herd - (c.w.now+wait)%herd
	}
	c.w.after(wait, func() {
		if c.w.load.stopped || c.call != nil {
			return
		}
		if c.through == throughSession && c.session == 0 {
			c.begin(&command{words: c.work.openSession()})
			return
		}
		if n := len(c.past); n > 0 && c.random.oneIn(12) {
			again := c.past[c.random.IntN(n)]
			c.begin(&command{words: again.words, session: again.session, sequence: again.sequence, repeats: &again})
			return
		}
		if c.done != nil && c.random.oneIn(6) {
			c.begin(&command{words: c.work.askStatus(c.done)})
			return
		}
		c.begin(c.work.next()...)
	})
}

// begin makes a call.
func (c *client) begin(commands ...*command) {
	c.call = &call{began: c.w.now, open: commands}
	for _, cmd := range commands {
		cmd.began = c.w.now
		cmd.reads = c.work.reads(cmd.words)
		if c.session != 0 && !cmd.reads && c.through == throughSession && cmd.repeats == nil {
			c.sequence++
			cmd.session, cmd.sequence = c.session, c.sequence
		}
	}
	c.try()
}

// try sends what has no outcome yet, to the leader or to anybody.
func (c *client) try() {
	c.attempt++
	c.call.attempts++
	if c.call.token = ""; c.random.oneIn(3) {
		c.call.token = c.work.unique()
	}
	m := c.leader
	if m == nil || c.through == reading {
		m = c.w.anyMachine(c.random)
	}
	attempt := c.attempt
	// Some lose patience while others still wait for the same node: so they see what has come in between.
	limit := c.w.plan.load.timeout
	c.w.after(c.random.duration(limit/4, 2*limit), func() { c.unanswered(attempt) })
	c.w.request(c, m, attempt)
}

// current tells whether an answer belongs to what the client waits for.
func (c *client) current(attempt int) bool { return c.call != nil && attempt == c.attempt }

// refused: nobody listens there. Nothing was done.
func (c *client) refused(attempt int) {
	if !c.current(attempt) {
		return
	}
	c.leader = nil
	c.again()
}

// unanswered: the connection broke, or nothing was heard for too long. Everything may have been done.
func (c *client) unanswered(attempt int) {
	if !c.current(attempt) {
		return
	}
	c.leader = nil
	c.doubt()
	c.again()
}

// doubt closes what may have been done and cannot be repeated.
func (c *client) doubt() {
	open := c.call.open[:0]
	for _, cmd := range c.call.open {
		if !cmd.reads && cmd.session == 0 {
			c.w.check.history.record(c, cmd, lin.Unknown, lin.Reply{})
			continue
		}
		cmd.doubtful = true
		open = append(open, cmd)
	}
	c.call.open = open
}

// again tries what is still open, after a pause, or gives it up.
func (c *client) again() {
	if len(c.call.open) > 0 && c.w.now < c.call.began+patience*c.w.plan.load.timeout {
		c.attempt++ // what still comes for the former attempt comes too late
		attempt := c.attempt
		c.w.after(c.random.duration(time.Millisecond, 50*time.Millisecond), func() {
			if c.current(attempt) {
				c.try()
			}
		})
		return
	}
	for _, cmd := range c.call.open {
		if cmd.repeats != nil {
			continue
		}
		outcome := lin.NotDone
		if cmd.doubtful && !cmd.reads {
			outcome = lin.Unknown
		}
		c.w.check.history.record(c, cmd, outcome, lin.Reply{})
		if cmd.session != 0 {
			c.session = 0 // what follows must not run into what was left behind
		}
	}
	c.call = nil
	c.think()
}

// answered takes in replies: one for each command, fewer if the connection broke among them, and the token's.
func (c *client) answered(attempt int, data []byte) {
	if !c.current(attempt) {
		return
	}
	var open []*command
	commands := c.call.open
	for i, cmd := range commands {
		if len(data) == 0 {
			c.call.open = commands[i:]
			c.doubt()
			open = append(open, c.call.open...)
			break
		}
		reply, rest, err := lin.ParseReply(data)
		if err != nil {
			c.w.violate("", "client %d: a reply to %v that is none: %v: %q", c.number, cmd.words, err, data)
			return
		}
		data = rest
		if !c.judge(cmd, reply) {
			open = append(open, cmd)
		}
	}
	c.checkToken(data)
	if c.call == nil {
		return
	}
	c.call.open = open
	if len(open) == 0 {
		c.call = nil
		c.think()
		return
	}
	c.again()
}

// checkToken: replies that follow those of the commands end with the token of this very pipeline (SCENARIOS 49).
func (c *client) checkToken(data []byte) {
	if len(data) == 0 {
		return
	}
	if want := "+" + c.call.token + "\r\n"; string(data) != want {
		c.w.violate("", "client %d: the replies end with %q; its pipeline ends with an echo of %q", c.number, data, c.call.token)
	}
}

// judge decides what a reply says of a command. It reports false if the command is to be sent again.
func (c *client) judge(cmd *command, reply lin.Reply) (final bool) {
	code := ""
	if reply.Kind == lin.KindError {
		code, _, _ = strings.Cut(reply.Text, " ")
	}
	switch code {
	case "MOVED":
		words := strings.Fields(reply.Text)
		c.leader = c.w.clientTarget(words[len(words)-1])
		return false
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "MISCONF":
		if code != "LOADING" {
			c.leader = nil
		}
		return false
	case "UNCERTAIN", "ONCELOST", "ONCEEXPIRED":
		if code == "UNCERTAIN" && (cmd.session != 0 || cmd.reads) {
			cmd.doubtful = true
			return false
		}
		c.close(cmd, lin.Unknown, reply)
		return true
	case "NOSESSION":
		if cmd.session == c.session && cmd.session != 0 {
			c.checkExpiry(reply)
			c.session = 0
		}
		outcome := lin.NotDone
		if cmd.doubtful {
			outcome = lin.Unknown
		}
		c.close(cmd, outcome, reply)
		return true
	case "ERR":
		if strings.HasPrefix(reply.Text, "ERR command exceeds") {
			c.close(cmd, lin.NotDone, reply)
			return true
		}
	}
	c.w.result.Commands++
	c.close(cmd, lin.Done, reply)
	return true
}

func (c *client) close(cmd *command, outcome lin.Outcome, reply lin.Reply) {
	switch {
	case cmd.repeats != nil:
		c.checkRepetition(cmd.repeats, reply)
		return
	case c.work.asksStatus(cmd.words):
		c.checkStatus(reply)
		return
	case outcome == lin.Done && cmd.session != 0:
		c.remember(cmd, reply)
	}
	if c.through == throughSession && c.session == 0 && outcome == lin.Done && c.work.opensSession(cmd.words) {
		if reply.Kind != lin.KindInt || reply.Int <= 0 {
			c.w.violate("", "client %d: SESSION OPEN answers %s", c.number, reply)
			return
		}
		c.session, c.sequence = uint64(reply.Int), 0
		c.ttl, c.used = c.work.sessionTTL(cmd.words), cmd.began
		return
	}
	c.checkLife(cmd, reply)
	c.w.check.history.record(c, cmd, outcome, reply)
}

// remember keeps a command of the session that took effect.
func (c *client) remember(cmd *command, reply lin.Reply) {
	c.done, c.reply, c.used = cmd, reply, cmd.began
	if len(c.past) > 0 && c.past[0].session != cmd.session {
		c.past = c.past[:0]
	}
	if len(c.past) == maxPast {
		c.past = append(c.past[:0], c.past[1:]...)
	}
	c.past = append(c.past, pastCommand{cmd.words, cmd.session, cmd.sequence, reply})
}

// checkRepetition: a command that comes again, however late, answers as it did, or that this is not known any more. What it
// would do a second time, the judge would see.
func (c *client) checkRepetition(past *pastCommand, reply lin.Reply) {
	if reply.Equal(past.reply) || reply.Kind == lin.KindError && strings.HasPrefix(reply.Text, "NOSESSION") {
		return
	}
	lost := reply.Kind == lin.KindError && (strings.HasPrefix(reply.Text, "ONCEEXPIRED") || strings.HasPrefix(reply.Text, "ONCELOST"))
	if large := len(past.reply.String()) > 100; lost && (large || past.session != c.session || c.sequence >= past.sequence+onceWindow-1) {
		return
	}
	c.w.violate("", "client %d: command %d of session %d, now at %d, answered %s; sent again it answers %s",
		c.number, past.sequence, past.session, c.sequence, past.reply, reply)
}

// checkStatus: the cluster remembers a command that took effect, and its reply, while it remembers its session.
func (c *client) checkStatus(status lin.Reply) {
	asked := c.done
	c.done = nil
	switch {
	case status.Kind == lin.KindError: // the session has expired
	case len(status.Items) == 1 && status.Items[0].Text == "expired":
	case len(status.Items) == 2 && status.Items[0].Text == "done" && status.Items[1].Equal(c.reply):
	case len(status.Items) == 2 && status.Items[0].Text == "done" && strings.HasPrefix(status.Items[1].Text, "ONCELOST"):
	default:
		c.w.violate("", "client %d: command %d of session %d answered %s; its status says %s", c.number, asked.sequence, asked.session, c.reply, status)
	}
}

// checkExpiry: a session is not forgotten before its time.
func (c *client) checkExpiry(reply lin.Reply) {
	if c.session != 0 && c.w.plan.clocksAgree() && c.w.now < c.used+c.ttl-c.w.plan.clockSlack() {
		c.w.violate("", "client %d: session %d, which lives for %v, was used %v ago: %s", c.number, c.session, c.ttl, c.w.now-c.used, reply)
	}
}

// clientTarget returns the machine that serves clients at an address, or nil.
func (w *world) clientTarget(address string) *machine {
	for _, m := range w.machines {
		if m.clientAddress() == address {
			return m
		}
	}
	return nil
}

// anyMachine draws a machine that is in service.
func (w *world) anyMachine(r random) *machine {
	start := r.IntN(len(w.machines))
	for i := range w.machines {
		if m := w.machines[(start+i)%len(w.machines)]; !m.retired {
			return m
		}
	}
	return w.machines[start]
}

// cutReplies keeps the first few of some replies, or none: then it returns nil.
func cutReplies(data []byte, r random) []byte {
	var ends []int
	for rest := data; len(rest) > 0; {
		_, after, err := lin.ParseReply(rest)
		if err != nil {
			break
		}
		rest = after
		ends = append(ends, len(data)-len(rest))
	}
	if keep := r.IntN(len(ends) + 1); keep > 0 {
		return data[:ends[keep-1]]
	}
	return nil
}

func describeCommands(commands []*command) string {
	var text strings.Builder
	for i, cmd := range commands {
		if i > 0 {
			text.WriteString("; ")
		}
		if cmd.session != 0 {
			fmt.Fprintf(&text, "ONCE %d %d ", cmd.session, cmd.sequence)
		}
		for j, word := range cmd.words {
			if j > 0 {
				text.WriteByte(' ')
			}
			if len(word) > 40 {
				word = fmt.Sprintf("(%d bytes)%s", len(word), word[len(word)-12:])
			}
			text.WriteString(word)
		}
	}
	return text.String()
}
