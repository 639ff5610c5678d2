package fsm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A batch is the payload of a command entry: what one pipeline of a client wrote, or several.
//
//	batch   := version(1 byte) [check if version = 2] command*
//	check   := checksum version(uvarint) index(uvarint) sum(8 bytes, little endian)
//	command := session(uvarint) [sequence(uvarint) if session != 0] argc(uvarint) argument*
//	argument:= length(uvarint) byte*
//
// The bytes that AppendCommand makes are written to the log, sent to the peers and decoded by
// every replica as they are.

// The first byte of a batch, without and with a check.
const (
	batchVersion        = 1
	batchVersionChecked = 2
)

// batchArgsMax is the largest number of words of a command (Redis's limit for a request).
const batchArgsMax = 1 << 20

// batchArgsKept is the number of words whose places a Batch keeps for the next one.
const batchArgsKept = 256

// AppendBatchHeader begins a batch in dst and returns the extended buffer.
func AppendBatchHeader(dst []byte) []byte { return append(dst, batchVersion) }

// AppendCheckedBatchHeader begins a batch that says what the proposer's Checksum was at an index, for those who apply
// it to compare. It returns the extended buffer.
func AppendCheckedBatchHeader(dst []byte, index, sum uint64) []byte {
	dst = binary.AppendUvarint(append(dst, batchVersionChecked), ChecksumVersion)
	dst = binary.AppendUvarint(dst, index)
	return binary.LittleEndian.AppendUint64(dst, sum)
}

// AppendCommand adds a command, its name included in args, to the batch that ends dst and returns
// the extended buffer. A session of zero means none; the sequence is then not stored.
func AppendCommand(dst []byte, session, sequence uint64, args [][]byte) []byte {
	dst = binary.AppendUvarint(dst, session)
	if session != 0 {
		dst = binary.AppendUvarint(dst, sequence)
	}
	dst = binary.AppendUvarint(dst, uint64(len(args)))
	for _, arg := range args {
		dst = binary.AppendUvarint(dst, uint64(len(arg)))
		dst = append(dst, arg...)
	}
	return dst
}

// Batch iterates over the commands of a decoded batch.
type Batch struct {
	rest  []byte
	args  [][]byte
	check batchCheck
}

// batchCheck is what a batch says about its proposer's state.
type batchCheck struct {
	version, index, sum uint64
}

// BatchCommand is one command of a batch.
type BatchCommand struct {
	// Session and Sequence identify the request for exactly-once; a zero Session means neither.
	Session, Sequence uint64
	// Args are the command's words. They point into the decoded bytes; the slice itself is reused
	// by the next call to Next.
	Args [][]byte
}

var (
	errBatchVersion = errors.New("fsm: batch: unknown version")
	errBatchNumber  = errors.New("malformed number")
	errBatchCheck   = errors.New("malformed check")
	errBatchShort   = errors.New("ends inside a command")
	errBatchArgs    = errors.New("bad number of arguments")
)

// DecodeBatch checks a whole batch and returns an iterator over its commands. Data must not change
// while the batch, or an argument from it, is in use. The error says at which offset it is malformed.
func DecodeBatch(data []byte) (Batch, error) {
	var b Batch
	err := b.Reset(data)
	return b, err
}

// Reset makes b iterate over another batch, as DecodeBatch does, and keeps its memory. After an error it
// is empty.
func (b *Batch) Reset(data []byte) error {
	if cap(b.args) > batchArgsKept {
		b.args = nil
	}
	clear(b.args[:cap(b.args)]) // let go of the former batch
	*b = Batch{args: b.args[:0]}
	if len(data) == 0 || data[0] != batchVersion && data[0] != batchVersionChecked {
		return errBatchVersion
	}
	r := batchReader{rest: data[1:]}
	var check batchCheck
	if data[0] == batchVersionChecked {
		check = r.check()
	}
	commands := r.rest
	for len(r.rest) > 0 && r.err == nil {
		_, _, argc := r.command()
		for ; argc > 0 && r.err == nil; argc-- {
			r.argument()
		}
	}
	if r.err != nil {
		return fmt.Errorf("fsm: batch offset %d: %w", len(data)-len(r.rest), r.err)
	}
	b.rest, b.check = commands, check
	return nil
}

// Check returns what the proposer's Checksum was at an index; ok is false if the batch does not say, or speaks of
// another version of the sum.
func (b *Batch) Check() (index, sum uint64, ok bool) {
	return b.check.index, b.check.sum, b.check.version == ChecksumVersion
}

// Next returns the next command; ok is false at the end. A batch from DecodeBatch gives no error.
func (b *Batch) Next() (c BatchCommand, ok bool, err error) {
	if len(b.rest) == 0 {
		return BatchCommand{}, false, nil
	}
	r := batchReader{rest: b.rest}
	session, sequence, argc := r.command()
	b.args = b.args[:0]
	for ; argc > 0 && r.err == nil; argc-- {
		b.args = append(b.args, r.argument())
	}
	if r.err != nil {
		return BatchCommand{}, false, fmt.Errorf("fsm: batch: %w", r.err)
	}
	b.rest = r.rest
	return BatchCommand{Session: session, Sequence: sequence, Args: b.args}, true, nil
}

// batchReader takes a batch apart. After an error it returns zeros.
type batchReader struct {
	rest []byte
	err  error
}

func (r *batchReader) uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		n := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(n)
	}
	n, size := binary.Uvarint(r.rest)
	switch {
	case size <= 0:
		r.fail(errBatchNumber)
		return 0
	case r.rest[size-1] == 0:
		// A longer form of a number that has a shorter one: equal batches have equal bytes.
		r.fail(errBatchNumber)
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// check reads the check of a batch that has one.
func (r *batchReader) check() (c batchCheck) {
	c.version, c.index = r.uvarint(), r.uvarint()
	if r.err == nil && (c.version == 0 || len(r.rest) < 8) {
		r.fail(errBatchCheck)
	}
	if r.err != nil {
		return batchCheck{}
	}
	c.sum = binary.LittleEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return c
}

// command reads what precedes the arguments of a command.
func (r *batchReader) command() (session, sequence uint64, argc int) {
	session = r.uvarint()
	if session != 0 {
		sequence = r.uvarint()
	}
	n := r.uvarint()
	// Each argument takes at least a byte, so a lying count is found before memory is taken for it.
	if r.err == nil && (n == 0 || n > batchArgsMax || n > uint64(len(r.rest))) {
		r.fail(errBatchArgs)
	}
	if r.err != nil {
		return 0, 0, 0
	}
	return session, sequence, int(n)
}

func (r *batchReader) argument() []byte {
	n := r.uvarint()
	if r.err != nil {
		return nil
	}
	if n > uint64(len(r.rest)) {
		r.fail(errBatchShort)
		return nil
	}
	arg := r.rest[:n:n]
	r.rest = r.rest[n:]
	return arg
}

func (r *batchReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
