package fsm

import "bytes"

// Slots is the number of hash slots that Redis Cluster divides the keys into.
const Slots = 16384

// Slot returns the Redis Cluster hash slot of a key: CRC16 (XMODEM) of the key, or of what stands
// between its first '{' and the next '}' if that is not empty, modulo Slots.
// Source: the Redis Cluster specification, "Hash tags".
func Slot(key []byte) int {
	if open := bytes.IndexByte(key, '{'); open >= 0 {
		if length := bytes.IndexByte(key[open+1:], '}'); length > 0 {
			key = key[open+1 : open+1+length]
		}
	}
	var crc uint16
	for _, b := range key {
		crc = crc<<8 ^ crc16Table[byte(crc>>8)^b]
	}
	return int(crc % Slots)
}

// crc16Table holds the CRC of each byte for the polynomial 0x1021.
var crc16Table = makeCRC16Table()

func makeCRC16Table() (table [256]uint16) {
	const polynomial = 0x1021
	for i := range table {
		crc := uint16(i) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ polynomial
			} else {
				crc <<= 1
			}
		}
		table[i] = crc
	}
	return table
}
