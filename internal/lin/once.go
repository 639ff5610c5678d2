package lin

import (
	"fmt"
	"slices"
	"strings"
)

// envelope names a command that takes effect once, however often it is sent.
type envelope struct{ session, sequence string }

// unwrap takes a command out of ONCE <session> <sequence>. Without one, the envelope is empty.
func unwrap(words []string) (command []string, in envelope) {
	if len(words) > 3 && strings.EqualFold(words[0], "once") {
		return words[3:], envelope{session: words[1], sequence: words[2]}
	}
	return words, envelope{}
}

// twice is two attempts at one envelope that were answered differently.
type twice struct{ first, second Operation }

// mergeAttempts makes one operation of all attempts at one envelope: it acts after the first call, and if any attempt was
// answered, before the first answer. Operations that were not done are left out. The order is that of the history.
func mergeAttempts(history []Operation) (merged []Operation, differing *twice, err error) {
	place := make(map[envelope]int)
	for _, op := range history {
		if op.Outcome == NotDone {
			continue
		}
		if op.Outcome == Done && op.Return < op.Call {
			return nil, nil, fmt.Errorf("lin: an operation returns before its call: %s", op)
		}
		var in envelope
		op.Words, in = unwrap(op.Words)
		at, again := place[in]
		if in == (envelope{}) || !again {
			place[in] = len(merged)
			merged = append(merged, op)
			continue
		}
		one := &merged[at]
		if !slices.Equal(one.Words, op.Words) {
			return nil, nil, fmt.Errorf("lin: session %s sent two commands as sequence %s: %v and %v", in.session, in.sequence, one.Words, op.Words)
		}
		if one.answered() && op.answered() && !one.Reply.Equal(op.Reply) && differing == nil {
			differing = &twice{*one, op}
		}
		call := min(one.Call, op.Call)
		if op.Outcome == Done && (one.Outcome != Done || op.Return < one.Return) {
			*one = op
		}
		one.Call = call
	}
	return merged, differing, nil
}
