package fsm

// lcsCommands is LCS.
func lcsCommands() []*Command { return nil }
