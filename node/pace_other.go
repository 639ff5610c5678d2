//go:build !unix

package node

import "time"

// processorTime is not known here: the process counts as idle.
func processorTime() time.Duration { return 0 }
