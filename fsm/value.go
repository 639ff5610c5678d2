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
