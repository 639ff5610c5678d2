package fsm

// scanCommands are the commands that look at the whole keyspace.
func scanCommands() []*Command { return nil }
