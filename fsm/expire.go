package fsm

// expireCommands are the commands on deadlines.
func expireCommands() []*Command { return nil }
