package fsm

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"io"
)

// The canonical encoding of a state. Equal states have equal bytes: keys stand in the order (slot,
// hash, key), and every number and value has one form. Numbers are unsigned varints.
//
//	image   := magic(8 bytes) section* end
//	section := tag(1 byte) body
//	clock   := tag 1: index, log time
//	keys    := tag 2: count, key*
//	key     := kind(1 byte) encoding(1 byte) length name deadline touched value
//	value   := (strings) integer(zigzag varint), or length bytes
//	sessions:= tag 3: last id, uses, count, session*; left out if no session was ever opened
//	session := id, time to live, last activity, use, top, count, outcome*
//	outcome := sequence, length, reply (canonical; empty if it was not kept)
//	end     := tag 255
//
// Sections come in the order of their tags; those to come (scripts) get tags of their own. Sessions stand in the order of
// their ids, outcomes in that of their sequences. A session's use is the number of commands that had named a session when it
// was last named.
const snapshotMagic = "RDBTFSM\x01"

const (
	sectionClock    = 1
	sectionKeys     = 2
	sectionSessions = 3
	sectionEnd      = 255
)

// View is a state as it was when Machine.View made it.
type View struct {
	machine *Machine
	state   state
	// keysEpoch and sessionsEpoch end the sharing in Release.
	keysEpoch, sessionsEpoch uint32
}

// state is all that an image holds.
type state struct {
	index    uint64
	logTime  int64
	keys     tree
	sessions sessionTree
}

func (m *Machine) state() state {
	return state{m.index, m.logTime, m.keys.view(), m.sessions.sessionTree}
}

// View returns a copy-on-write view of the state as it is now, in constant time. It costs memory for what
// changes until Release.
func (m *Machine) View() *View {
	return &View{machine: m, state: m.state(), keysEpoch: m.keys.share(), sessionsEpoch: m.sessions.share()}
}

// Release ends copy-on-write for the view, which must not be used afterwards. It needs the same
// lock as Apply.
func (v *View) Release() {
	v.machine.keys.unshare(v.keysEpoch)
	v.machine.keys.settle(releaseBlocks)
	v.machine.sessions.unshare(v.sessionsEpoch)
}

// Index returns the log index of the view.
func (v *View) Index() uint64 { return v.state.index }

// LogTime returns the view's log time in milliseconds.
func (v *View) LogTime() int64 { return v.state.logTime }

// WriteTo writes the canonical encoding and returns the number of bytes. It may run beside anything
// that the machine does.
func (v *View) WriteTo(w io.Writer) (int64, error) { return v.state.writeTo(w) }

// Digest returns the SHA-256 of the canonical encoding of the state as it is now. It reads all of it.
func (m *Machine) Digest() [32]byte {
	h := sha256.New()
	state := m.state()
	if _, err := state.writeTo(h); err != nil {
		panic("BUG: fsm: a hash refused bytes: " + err.Error())
	}
	return [32]byte(h.Sum(nil))
}

// stateWriter writes the pieces of the encoding. After an error it writes nothing.
type stateWriter struct {
	w       *bufio.Writer
	scratch []byte
	written int64
	err     error
}

func (t *state) writeTo(w io.Writer) (int64, error) {
	s := stateWriter{w: bufio.NewWriterSize(w, 64<<10)}
	b := append(s.scratch, snapshotMagic...)
	b = append(b, sectionClock)
	b = binary.AppendUvarint(b, t.index)
	b = binary.AppendUvarint(b, uint64(t.logTime))
	b = append(b, sectionKeys)
	b = binary.AppendUvarint(b, uint64(t.keys.count))
	s.put(b)
	t.keys.walk(0, 0, func(_ int, r record) bool {
		s.record(&t.keys, r)
		return s.err == nil
	})
	s.sessions(&t.sessions)
	s.put([]byte{sectionEnd})
	if s.err == nil {
		s.err = s.w.Flush()
	}
	return s.written, s.err
}

func (s *stateWriter) put(b []byte) {
	if s.err != nil {
		return
	}
	n, err := s.w.Write(b)
	s.written += int64(n)
	s.err = err
}

func (s *stateWriter) record(t *tree, r record) {
	key := r.key()
	b := append(s.scratch[:0], byte(r.kind()), byte(r.encoding()))
	b = binary.AppendUvarint(b, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, uint64(r.deadline()))
	b = binary.AppendUvarint(b, uint64(r.touched()))
	if r.isInteger() {
		s.scratch = binary.AppendVarint(b, r.number())
		s.put(s.scratch)
		return
	}
	data := t.data(r)
	s.scratch = binary.AppendUvarint(b, uint64(len(data)))
	s.put(s.scratch)
	s.put(data)
}
