package replica

import (
	"redoubt/fsm"
	"redoubt/raft"
	"redoubt/raft/core"
	"redoubt/resp"
)

// warmedKeys bounds how many keys are looked up ahead of their commands at once: as much as the processor's caches hold.
const warmedKeys = 128

// warmEntries has the state machine look up the keys of entries that are about to be applied. The caller holds the machine.
func (r *Replica) warmEntries(entries []raft.Committed) {
	var room [warmedKeys][]byte
	keys := room[:0]
	for i := range entries {
		if entries[i].Kind == core.EntryCommand {
			keys = fsm.AppendKeysToWarm(keys, entries[i].Data)
		}
		if len(keys) == cap(keys) {
			break
		}
	}
	r.machine.Warm(keys)
}

// warmOps is warmEntries for a pipeline that is about to be read.
func (r *Replica) warmOps(ops []resp.Op) {
	if len(ops) < 2 {
		return
	}
	var room [warmedKeys][]byte
	keys := room[:0]
	for i := range ops {
		if ops[i].Command != nil && len(ops[i].Args) > 1 && len(keys) < cap(keys) {
			keys = append(keys, ops[i].Args[1])
		}
	}
	r.machine.Warm(keys)
}
