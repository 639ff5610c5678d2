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
//	end     := tag 255
//
// Sections come in the order of their tags; those to come (sessions, scripts) get tags of their own.
const snapshotMagic = "RDBTFSM\x01"

const (
	sectionClock = 1
	sectionKeys  = 2
	sectionEnd   = 255
)

// View is a state as it was when Machine.View made it.
type View struct {
	machine *Machine
	tree    tree
	epoch   uint32
	index   uint64
	logTime int64
}

// View returns a copy-on-write view of the state as it is now, in constant time. It costs memory for what
// changes until Release.
func (m *Machine) View() *View {
	t, epoch := m.keys.share()
	return &View{machine: m, tree: t, epoch: epoch, index: m.index, logTime: m.logTime}
}

// Release ends copy-on-write for the view, which must not be used afterwards. It needs the same
// lock as Apply.
func (v *View) Release() { v.machine.keys.unshare(v.epoch) }

// Index returns the log index of the view.
func (v *View) Index() uint64 { return v.index }

// LogTime returns the view's log time in milliseconds.
func (v *View) LogTime() int64 { return v.logTime }

// WriteTo writes the canonical encoding and returns the number of bytes. It may run beside anything
// that the machine does.
func (v *View) WriteTo(w io.Writer) (int64, error) { return writeState(w, v.index, v.logTime, &v.tree) }

// Digest returns the SHA-256 of the canonical encoding of the state as it is now. It reads all of it.
func (m *Machine) Digest() [32]byte {
	h := sha256.New()
	if _, err := writeState(h, m.index, m.logTime, &m.keys.tree); err != nil {
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

func writeState(w io.Writer, index uint64, logTime int64, t *tree) (int64, error) {
	s := stateWriter{w: bufio.NewWriterSize(w, 64<<10)}
	b := append(s.scratch, snapshotMagic...)
	b = append(b, sectionClock)
	b = binary.AppendUvarint(b, index)
	b = binary.AppendUvarint(b, uint64(logTime))
	b = append(b, sectionKeys)
	b = binary.AppendUvarint(b, uint64(t.count))
	s.put(b)
	t.walk(0, 0, func(_ int, it item) bool {
		s.entry(it.entry)
		return s.err == nil
	})
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

func (s *stateWriter) entry(e *entry) {
	b := append(s.scratch[:0], byte(e.kind), byte(e.encoding))
	b = binary.AppendUvarint(b, uint64(len(e.key)))
	b = append(b, e.key...)
	b = binary.AppendUvarint(b, uint64(e.deadline))
	b = binary.AppendUvarint(b, uint64(e.touched))
	if e.isInteger() {
		b = binary.AppendVarint(b, e.number)
	} else {
		b = binary.AppendUvarint(b, uint64(len(e.data)))
	}
	s.scratch = b
	s.put(b)
	s.put(e.data)
}
