package fsm

import (
	"bytes"

	"github.com/cespare/xxhash/v2"
)

// hashKey is the order of keys inside a slot. It is a fixed function, so that iteration order (and
// with it snapshots and SCAN cursors) depends on the keys alone and is the same on every replica.
// The price: somebody who can write keys can choose ones whose hashes collide. Lookups in their leaf then look
// at one key after the other. A seed in the log would end that.
func hashKey(key []byte) uint64 { return xxhash.Sum64(key) }

// place is where a key belongs in the keyspace.
type place struct {
	key  []byte
	hash uint64
	slot int
}

func placeOf(key []byte) place {
	return place{key: key, hash: hashKey(key), slot: Slot(key)}
}

// before reports whether a place comes before another in the order of the keyspace.
func (a place) before(b place) bool {
	if a.slot != b.slot {
		return a.slot < b.slot
	}
	if a.hash != b.hash {
		return a.hash < b.hash
	}
	return bytes.Compare(a.key, b.key) < 0
}
