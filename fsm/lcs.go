package fsm

import "math/bits"

// The longest common subsequence of two strings a and b, by the usual table of the lengths L(i, j) for their first i
// and j bytes. Its rows are kept as bits: neighbours in a row differ by 0 or 1, so a row is determined by where it
// rises, and the next row follows from it for 64 columns at once (Crochemore, Iliopoulos, Pinzon, Reid: "A fast
// and practical bit-vector algorithm for the longest common subsequence problem", 2001). Redis spends 32 bits
// on a cell and visits each; here it is one bit, only kept if the way back is needed.

// lcsTableMax is the size in bytes up to which Redis makes its table, of 4 bytes a cell. It bounds ours too: to a
// thirty-second of it in memory, and about as much again for the masks.
const lcsTableMax = stringMax

// lcsTooLarge reports whether Redis would refuse strings of these lengths.
func lcsTooLarge(a, b int) bool {
	// Strings are at most 2^29 bytes long, so this does not overflow.
	return (uint64(a)+1)*(uint64(b)+1)*4 > lcsTableMax
}

// lcsLargeCells is the number of cells from which on there is only one table at a time: any number of clients may ask for
// one, and none of them should pay for that with the memory of the node.
const lcsLargeCells = 8 << 20

// lcsTable is the table of two strings.
type lcsTable struct {
	a, b []byte
	// length is L of the whole strings.
	length int
	// rises holds, at bit (i-1)*len(b) + (j-1), whether L(i, j) is L(i, j-1) + 1. Without the way back it is nil.
	rises bitList
}

// newLCSTable computes the table. If back is false only its length is known afterwards.
func newLCSTable(a, b []byte, back bool) *lcsTable {
	t := &lcsTable{a: a, b: b}
	if len(a) == 0 || len(b) == 0 {
		return t
	}
	words := (len(b) + wordBits - 1) / wordBits
	masks := matchMasks(a, b, words)
	// A zero in row marks a column where the row rises. Before the first byte of a it nowhere does.
	row := make([]uint64, words)
	for i := range row {
		row[i] = ^uint64(0)
	}
	if back {
		t.rises = newBitList(len(a) * len(b))
	}
	for _, c := range a {
		nextRow(row, masks[c])
		if back {
			t.rises.appendInverted(row, len(b))
		}
	}
	for _, w := range row {
		t.length += bits.OnesCount64(^w)
	}
	return t
}

// nextRow computes the row for one more byte, whose places in b are the mask. Bits behind the last
// column never become zero: no mask has them.
func nextRow(row, mask []uint64) {
	if mask == nil {
		return
	}
	carry := uint64(0)
	for k, v := range row {
		sum := uint64(0)
		sum, carry = bits.Add64(v, v&mask[k], carry)
		row[k] = sum | v&^mask[k]
	}
}

// matchMasks returns for each byte that occurs in both strings where it occurs in b, one bit a place.
func matchMasks(a, b []byte, words int) (masks [256][]uint64) {
	var wanted [256]bool
	for _, c := range a {
		wanted[c] = true
	}
	for j, c := range b {
		if !wanted[c] {
			continue
		}
		if masks[c] == nil {
			masks[c] = make([]uint64, words)
		}
		masks[c][j/wordBits] |= 1 << (j % wordBits)
	}
	return masks
}

// bitList is a row of bits that grows at its end.
type bitList struct {
	words []uint64
	count int
}

func newBitList(size int) bitList {
	// One word more, so that a shifted word always has its second half.
	return bitList{words: make([]uint64, size/wordBits+2)}
}

// appendInverted appends the complement of the first n bits of a row.
func (l *bitList) appendInverted(row []uint64, n int) {
	for _, w := range row {
		w = ^w
		if n < wordBits {
			w &= 1<<n - 1
		}
		at, shift := l.count/wordBits, l.count%wordBits
		l.words[at] |= w << shift
		l.words[at+1] |= w >> (wordBits - shift)
		l.count += min(n, wordBits)
		n -= wordBits
	}
}

func (l *bitList) bit(i int) bool { return l.words[i/wordBits]>>(i%wordBits)&1 == 1 }

// lcsMatch is a run that is equal in both strings: from the index aFirst and bFirst on, length bytes.
type lcsMatch struct{ aFirst, bFirst, length int }

// sequence returns the longest common subsequence that Redis finds.
func (t *lcsTable) sequence() []byte {
	result := make([]byte, t.length)
	n := t.length
	t.walkBack(func(i, _ int) {
		n--
		result[n] = t.a[i]
	})
	return result
}

// matches returns the runs that make the subsequence, the last first, without those shorter than
// shortest.
func (t *lcsTable) matches(shortest int64) []lcsMatch {
	var list []lcsMatch
	var run lcsMatch
	flush := func() {
		if run.length > 0 && int64(run.length) >= shortest {
			list = append(list, run)
		}
	}
	t.walkBack(func(i, j int) {
		if run.length > 0 && run.aFirst == i+1 && run.bFirst == j+1 {
			run = lcsMatch{i, j, run.length + 1}
			return
		}
		flush()
		run = lcsMatch{i, j, 1}
	})
	flush()
	return list
}

// walkBack visits the pairs of equal bytes that make the subsequence, from the last to the first. Of the many ways
// through the table it takes the one that Redis takes: diagonally where the bytes are equal, else to the row above
// if that is greater than the column to the left.
func (t *lcsTable) walkBack(visit func(i, j int)) {
	i, j := len(t.a), len(t.b)
	for i > 0 && j > 0 {
		switch {
		case t.a[i-1] == t.b[j-1]:
			i, j = i-1, j-1
			visit(i, j)
		case t.rises.bit((i-1)*len(t.b) + j - 1):
			// L(i, j) is the greater of the two neighbours, and the left one is less than it.
			i--
		default:
			j--
		}
	}
}
