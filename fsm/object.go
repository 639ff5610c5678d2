package fsm

// objectCommands is OBJECT with its subcommands.
func objectCommands() []*Command { return nil }
