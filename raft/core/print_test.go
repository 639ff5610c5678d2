package core

import (
	"fmt"
	"strings"
)

// Stable one-line forms of everything that a transcript shows.

func (p Position) text() string { return fmt.Sprintf("%d/%d", p.Index, p.Term) }

// entriesText prints index/term and what the entry is.
func entriesText(entries []Entry) string {
	words := make([]string, 0, len(entries))
	for _, e := range entries {
		what := "noop"
		switch e.Kind {
		case EntryCommand:
			what = fmt.Sprintf("%q", e.Data)
		case EntryConfiguration:
			what = mustDecodeConfiguration(&e).text()
		}
		words = append(words, e.position().text()+" "+what)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// text prints the voters, in a joint configuration the old ones first, and the learners; + is to be promoted, and @
// the disk.
func (c Configuration) text() string {
	list := func(of func(Member) bool) string {
		var words []string
		for _, m := range c.Members {
			if !of(m) {
				continue
			}
			word := fmt.Sprint(m.ID)
			if m.Promote {
				word += "+"
			}
			if m.Instance != 0 {
				word += fmt.Sprintf("@%d", m.Instance)
			}
			words = append(words, word)
		}
		return strings.Join(words, " ")
	}
	text := "{" + list(func(m Member) bool { return m.Voter }) + "}"
	if c.Joint() {
		text = "{" + list(func(m Member) bool { return m.OldVoter }) + "} to " + text
	}
	if learners := list(func(m Member) bool { return !m.Voter && !m.OldVoter }); learners != "" {
		text += " learners {" + learners + "}"
	}
	return text
}

// messageText prints a message; its term stands after its name.
func messageText(m Message) string {
	env := m.Head()
	head := fmt.Sprintf("%d>%d %s term=%d", env.From, env.To, strings.TrimPrefix(fmt.Sprintf("%T", m), "core."), env.Term)
	switch m := m.(type) {
	case PreVoteRequest:
		return fmt.Sprintf("%s last=%s", head, m.Last.text())
	case PreVoteReply:
		return fmt.Sprintf("%s granted=%t current=%d", head, m.Granted, m.Current)
	case VoteRequest:
		return fmt.Sprintf("%s last=%s transfer=%t", head, m.Last.text(), m.Transfer)
	case VoteReply:
		return fmt.Sprintf("%s granted=%t wall=%d", head, m.Granted, m.Wall)
	case AppendRequest:
		return fmt.Sprintf("%s prev=%s entries=%s commit=%d round=%d", head, m.Prev.text(), entriesText(m.Entries), m.Commit, m.Round)
	case AppendReply:
		return fmt.Sprintf("%s match=%d round=%d", head, m.Match, m.Round)
	case AppendReject:
		return fmt.Sprintf("%s prev=%s hint=%s round=%d", head, m.Prev.text(), m.Hint.text(), m.Round)
	case HeartbeatRequest:
		return fmt.Sprintf("%s commit=%d round=%d", head, m.Commit, m.Round)
	case HeartbeatReply:
		return fmt.Sprintf("%s round=%d", head, m.Round)
	case SnapshotChunk:
		return fmt.Sprintf("%s snapshot=%s offset=%d bytes=%d of=%d round=%d", head, m.Meta.text(), m.Offset, len(m.Data), m.Size, m.Round)
	case SnapshotReply:
		return fmt.Sprintf("%s index=%d next=%d installed=%t round=%d", head, m.Index, m.Next, m.Installed, m.Round)
	case ReadRequest:
		return fmt.Sprintf("%s id=%04x", head, uint16(m.ID))
	case ReadReply:
		return fmt.Sprintf("%s id=%04x index=%d refused=%t", head, uint16(m.ID), m.Index, m.Refused)
	}
	return head
}

// printEffects shows what a step asks of its driver.
func (c *cluster) printEffects(n *node, e Effects) {
	say := func(format string, args ...any) { c.print("%d %s", n.id, fmt.Sprintf(format, args...)) }
	if s := e.Status; s != nil {
		say("status %s term=%d leader=%d clock=%d", s.Role.String(), s.Term, s.Leader, s.ClockOffset)
	}
	if p := e.Proposed; p != nil {
		if p.Refusal == Accepted {
			say("proposed first=%s", p.First.text())
		} else {
			say("refused %s", p.Refusal.text())
		}
	}
	for _, r := range e.Changes {
		if r.Refusal == Accepted {
			say("change %d done member=%d at=%d", r.ID, r.Member, r.Index)
		} else {
			say("change %d refused %s", r.ID, r.Refusal.text())
		}
	}
	for _, m := range e.Send {
		say("send %s", messageText(m))
	}
	if p := e.Persist; p != nil {
		say("persist #%d term=%d vote=%d commit=%d sync=%t entries=%s", p.Seq, p.HardState.Term, p.HardState.Vote, p.HardState.Commit, p.Sync, entriesText(p.Entries))
		for _, m := range p.Then {
			say("  then %s", messageText(m))
		}
	}
	if len(e.Apply) > 0 {
		say("apply %s", entriesText(e.Apply))
	}
	for _, r := range e.Reads {
		switch {
		case r.Refusal != Accepted:
			say("read %d refused %s", r.ID, r.Refusal.text())
		case r.Until != 0:
			say("read %d at %d until %d", r.ID, r.Index, r.Until)
		default:
			say("read %d at %d", r.ID, r.Index)
		}
	}
	for _, r := range e.ReadLog {
		say("read log %d..%d for %d", r.From, r.To, r.Peer)
	}
	for _, r := range e.ReadSnapshot {
		say("read snapshot %d at %d for %d", r.Index, r.Offset, r.Peer)
	}
	for _, w := range e.WriteSnapshot {
		say("write snapshot %s at %d bytes=%d", w.Meta.text(), w.Offset, len(w.Data))
	}
	if i := e.InstallSnapshot; i != nil {
		say("install snapshot %s bytes=%d", i.Meta.text(), i.Size)
	}
}

func (r Refusal) text() string {
	return [...]string{
		"accepted", "not leader", "transferring", "overloaded", "too large", "change pending", "not a member", "already a member",
		"id used", "not caught up", "last voter", "forming", "no majority", "malformed", "unknown",
	}[r]
}
