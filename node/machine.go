package node

import (
	"sync"

	"redoubt/fsm"
)

// machine is the state machine under its lock: the applier writes, connections read.
type machine struct {
	sync.RWMutex
	*fsm.Machine
}
