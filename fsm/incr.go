package fsm

// numberCommands are the commands that treat a string as a number.
func numberCommands() []*Command { return nil }
