// Package lin judges histories of Redis commands: could a single machine, running each command at one instant between
// its call and its return, have given these replies? It models strings and keys with deadlines by itself, sharing no
// code with the state machine it judges, and searches with porcupine.
//
// A history is cut into parts that share no key (Herlihy and Wing, "Linearizability", 1990: the property is local), and
// each part is searched with a bounded number of steps, so that a verdict depends on the history alone. A search that
// was given up is Undecided, which never counts as passed.
//
// What is not known constrains nothing: a write of unknown outcome may act at any time after its call, or never. A key
// with a deadline may be gone from any instant on (or from within bounds, see [Options]), and then stays gone. A stale
// read may show any state from the beginning of the history to its return. A command that was sent several times in one
// ONCE envelope is one operation.
package lin

import (
	"fmt"
	"strings"
)

// Outcome is what a client knows of an operation.
type Outcome uint8

const (
	Done    Outcome = iota // it acted, between Call and Return, and answered Reply
	NotDone                // it never acts
	Unknown                // it may act at any time after Call, or never; Return and Reply mean nothing
)

func (o Outcome) String() string {
	switch o {
	case Done:
		return "done"
	case NotDone:
		return "not done"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("Outcome(%d)", o)
}

// Operation is one command of one client.
type Operation struct {
	Client int `json:"client"`
	// Call and Return are instants of one clock for all clients; its unit matters only to Options.ClockError.
	// Operations that share an instant overlap.
	Call   int64 `json:"call"`
	Return int64 `json:"return"`
	// Words are the command as sent: its name, in any case, and its arguments. See Supported.
	Words   []string `json:"words"`
	Outcome Outcome  `json:"outcome"`
	Reply   Reply    `json:"reply"`
	// Unread says that the operation is done and its reply was not told to the client.
	Unread bool `json:"unread,omitempty"`
	// Stale says that the command reads and may have been served from a replica's past.
	Stale bool `json:"stale,omitempty"`
}

// answered reports whether the reply is known.
func (op *Operation) answered() bool { return op.Outcome == Done && !op.Unread }

// String shows the operation on one line, long words cut.
func (op Operation) String() string {
	words := make([]string, len(op.Words))
	for i, word := range op.Words {
		words[i] = shorten(word)
	}
	text := strings.Join(words, " ")
	if op.Stale {
		text += " (stale)"
	}
	switch {
	case op.Outcome == Done && op.Unread:
		return fmt.Sprintf("client %d  %d..%d  %s -> ?", op.Client, op.Call, op.Return, text)
	case op.Outcome == Done:
		return fmt.Sprintf("client %d  %d..%d  %s -> %s", op.Client, op.Call, op.Return, text, op.Reply)
	case op.Outcome == NotDone:
		return fmt.Sprintf("client %d  %d..%d  %s: not done", op.Client, op.Call, op.Return, text)
	default:
		return fmt.Sprintf("client %d  %d..?  %s: unknown", op.Client, op.Call, text)
	}
}

// longestShown is how many bytes of a word or reply are printed whole.
const longestShown = 160

// shorten keeps the end of a long string, where values that were appended to differ.
func shorten(s string) string {
	if len(s) > longestShown {
		return fmt.Sprintf("(%d bytes)…%s", len(s), s[len(s)-longestShown:])
	}
	return s
}
