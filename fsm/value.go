package fsm

// kind is the type of a value. The numbers are in the snapshot format; the types that are still to
// come have theirs reserved.
type kind uint8

const (
	kindString kind = 1
	// 2 list, 3 set, 4 sorted set, 5 hash, 6 stream.
)

// name is what TYPE and SCAN's TYPE option call the kind.
func (k kind) name() string {
	switch k {
	case kindString:
		return "string"
	}
	panic("BUG: fsm: value of unknown kind")
}

// encoding says how a string is held, as OBJECT ENCODING tells it. The numbers are in the snapshot
// format.
type encoding uint8

const (
	// encodingInt is an integer that Redis would hold in its pool of shared objects, if it is small.
	encodingInt encoding = 1
	// encodingIntCopy is an integer that COPY made: Redis gives it an object of its own, which
	// OBJECT REFCOUNT shows.
	encodingIntCopy encoding = 2
	// encodingEmbstr is a string of at most embstrMax bytes that has not been edited in place.
	encodingEmbstr encoding = 3
	// encodingRaw is any other string.
	encodingRaw encoding = 4
)

const (
	// embstrMax is the length in bytes up to which Redis embeds a string in its object.
	embstrMax = 44
	// stringMax is the longest string in bytes (Redis's default proto-max-bulk-len).
	stringMax = 512 << 20
	// sharedIntegers is the number of small integers, from zero, that Redis shares.
	sharedIntegers = 10000
)

// entry is a key with its value. An entry whose epoch is shared with a View is never changed, save
// for heapAt, which a View does not read.
type entry struct {
	key string
	// data is the value if it is not held as an integer. Its backing array may be longer than a
	// View's slice of it: bytes past a slice's end may be written, bytes inside it may not, unless
	// dataEpoch says that no View knows the array.
	data []byte
	// number is the value of an integer encoding.
	number int64
	// deadline is when the key is gone, in log time milliseconds; zero means never.
	deadline int64
	// touched is the log time in milliseconds of the last write or TOUCH.
	touched int64
	// epoch and dataEpoch are the keyspace's epochs when the entry and the array of data were made.
	epoch, dataEpoch uint32
	// heapAt is the entry's place in the deadline index plus one; zero means none.
	heapAt   int32
	kind     kind
	encoding encoding
}

// isInteger reports whether the value is held as an integer.
func (e *entry) isInteger() bool {
	return e.encoding == encodingInt || e.encoding == encodingIntCopy
}

// dueAt reports whether the key is gone at a time in milliseconds.
func (e *entry) dueAt(now int64) bool { return e.deadline != 0 && e.deadline <= now }

// entryOverhead is the logical size in bytes that a key costs beside the bytes of key and value.
const entryOverhead = 96

// size is the logical memory of the entry in bytes. It depends on contents only, so that it is the
// same on every replica.
func (e *entry) size() int64 {
	return int64(len(e.key)) + int64(len(e.data)) + entryOverhead
}
