package replica

import (
	"redoubt/fsm"
	"redoubt/resp"
)

// Bounds on one proposal. What is beyond them is done in the next.
const (
	// maxReplyingWrites bounds the writes of one proposal, each of which may reply a whole value.
	maxReplyingWrites = 4096
	// maxReadsAmongWrites bounds the reads of one proposal ahead of its last write.
	maxReadsAmongWrites = 128
	// maxEntryReplyBytes bounds the replies of one proposal, whose writes must all run at one entry.
	maxEntryReplyBytes = 64 << 20
)

// encode makes the payload of a log entry of up to maxBytes from the writes among ops: the same bytes go to disk, to
// the peers and to every state machine. Reads and literals stay with the ticket. It returns how many
// ops are covered; none, if the first write alone is too large.
func encode(ops []resp.Op, maxBytes int) (command []byte, covered int) {
	command = fsm.AppendBatchHeader(make([]byte, 0, encodedSize(ops, maxBytes)))
	writes, reads := 0, 0
	for i := range ops {
		op := &ops[i]
		if !isWrite(*op) {
			reads++
			continue
		}
		if writes == maxReplyingWrites || writes > 0 && reads > maxReadsAmongWrites {
			return command, i
		}
		before := len(command)
		command = fsm.AppendCommand(command, op.Session, op.Sequence, op.Args)
		if len(command) > maxBytes {
			return command[:before], i
		}
		writes++
	}
	return command, len(ops)
}

// encodedSize estimates the size of the payload, so that it is allocated once.
func encodedSize(ops []resp.Op, maxBytes int) int {
	size := 16
	for i := range ops {
		if !isWrite(ops[i]) {
			continue
		}
		for _, arg := range ops[i].Args {
			size += len(arg) + 4
		}
		if size > maxBytes {
			return maxBytes
		}
	}
	return size
}
