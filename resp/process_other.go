//go:build !linux

package resp

import "runtime"

// Where the system is not Linux, INFO does without what only Linux is asked for.

func residentMemory() uint64 { return 0 }

func systemMemory() uint64 { return 0 }

func cpuSeconds() (system, user float64) { return 0, 0 }

func systemName() string { return runtime.GOOS + " " + runtime.GOARCH }
