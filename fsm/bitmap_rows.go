package fsm

// bitmapCommands are the commands that treat a string as an array of bits.
func bitmapCommands() []*Command { return nil }
