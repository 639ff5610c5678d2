package main

import (
	"math/rand/v2"
	"strconv"
)

// profile is how a group of keys is used.
type profile struct {
	name string
	keys int
	// places is how many groups of this kind are in use at a time.
	places int
	// expires: keys have deadlines, so that what they hold is not known later.
	expires bool
	// draw returns a command of any kind, read one that only reads. value is used nowhere else.
	draw func(r *rand.Rand, keys []string, value string) []string
	read func(r *rand.Rand, keys []string) []string
}

// registers are what a clerk can use as well.
var registers = &profile{name: "register", keys: 1, places: 8, draw: drawRegister, read: readOne}

// journals are appended to by one client.
var journals = &profile{name: "journal", keys: 1}

func profiles() []*profile {
	var all []*profile
	for _, p := range []*profile{
		registers,
		{name: "counter", keys: 1, places: 3, draw: drawCounter, read: readOne},
		{name: "pair", keys: 2, places: 3, draw: drawPair, read: readPair},
		{name: "lease", keys: 1, places: 3, expires: true, draw: drawLease, read: readOne},
	} {
		for range p.places {
			all = append(all, p)
		}
	}
	return all
}

func readOne(r *rand.Rand, keys []string) []string {
	switch r.IntN(6) {
	case 0:
		return []string{"STRLEN", keys[0]}
	case 1:
		return []string{"EXISTS", keys[0]}
	}
	return []string{"GET", keys[0]}
}

func readPair(r *rand.Rand, keys []string) []string {
	if r.IntN(4) == 0 {
		return []string{"GET", keys[r.IntN(2)]}
	}
	return []string{"MGET", keys[0], keys[1]}
}

// Mostly appended to, so that a read tells a lot; set now and then, so that values stay short.
func drawRegister(r *rand.Rand, keys []string, value string) []string {
	key := keys[0]
	switch r.IntN(20) {
	case 0, 1:
		return []string{"SET", key, value}
	case 2:
		return []string{"GETSET", key, value}
	case 3:
		return []string{"SET", key, value, "NX"}
	case 4:
		return []string{"SET", key, value, "XX", "GET"}
	case 5:
		return []string{"DEL", key}
	case 6, 7, 8, 9, 10, 11:
		return []string{"APPEND", key, value}
	}
	return readOne(r, keys)
}

func drawCounter(r *rand.Rand, keys []string, _ string) []string {
	switch r.IntN(5) {
	case 0, 1:
		return []string{"INCR", keys[0]}
	case 2:
		return []string{"INCRBY", keys[0], strconv.Itoa(1 + r.IntN(1000))}
	case 3:
		return []string{"DECR", keys[0]}
	}
	return []string{"GET", keys[0]}
}

func drawPair(r *rand.Rand, keys []string, value string) []string {
	switch r.IntN(10) {
	case 0, 1:
		return []string{"MSET", keys[0], value, keys[1], value}
	case 2:
		return []string{"MSETNX", keys[0], value, keys[1], value}
	case 3:
		return []string{"DEL", keys[0], keys[1]}
	case 4, 5:
		return []string{"APPEND", keys[r.IntN(2)], value}
	}
	return readPair(r, keys)
}

func drawLease(r *rand.Rand, keys []string, value string) []string {
	key, millis := keys[0], strconv.Itoa(20+r.IntN(1500))
	switch r.IntN(14) {
	case 0, 1:
		return []string{"SET", key, value, "NX", "PX", millis}
	case 2:
		return []string{"SET", key, value, "PX", millis}
	case 3:
		return []string{"SET", key, value, "KEEPTTL"}
	case 4:
		return []string{"PEXPIRE", key, millis}
	case 5:
		return []string{"PERSIST", key}
	case 6:
		return []string{"PTTL", key}
	case 7, 8:
		return []string{"APPEND", key, value}
	}
	return readOne(r, keys)
}
