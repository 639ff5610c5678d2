package fsm

// Writer encodes replies in RESP2 or RESP3 into a buffer. The zero value writes RESP2.
type Writer struct {
	// Buf holds the encoded replies; callers may take it, or set it to a buffer to be reused.
	Buf []byte
	// Proto is the protocol version of the connection: 3, or anything else for 2.
	Proto int
	// Discard drops everything: nobody waits for the reply (on replicas).
	Discard bool
}
