package core

import (
	"encoding/binary"
	"fmt"
)

// The encoding of a configuration, little endian. It is canonical: equal configurations have equal
// bytes, and of version 2 nothing else decodes.
//
//	version  u8   2
//	highest  u64  HighestID
//	members  u16
//	per member, by ascending id:
//	  id        u64
//	  flags     u8   bit 0 Voter, bit 1 OldVoter, bit 2 Promote
//	  instance  u64
//	  address   u16 length, then its bytes
//
// Version 1, which is still read, has neither highest nor instance, and no bit 2.
const (
	configurationVersion = 2

	flagVoter    = 1 << 0
	flagOldVoter = 1 << 1
	flagPromote  = 1 << 2
)

// AppendConfiguration appends the encoding of c to dst and returns the extended slice. c must be
// sorted and within MaxMembers and MaxAddressBytes.
func AppendConfiguration(dst []byte, c Configuration) []byte {
	if err := c.validate(); err != nil {
		bug("encoding an invalid configuration: %v", err)
	}
	dst = append(dst, configurationVersion)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.HighestID))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(c.Members)))
	for i := range c.Members {
		m := &c.Members[i]
		dst = binary.LittleEndian.AppendUint64(dst, uint64(m.ID))
		dst = append(dst, m.flags())
		dst = binary.LittleEndian.AppendUint64(dst, m.Instance)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(m.Address)))
		dst = append(dst, m.Address...)
	}
	return dst
}

func (m *Member) flags() byte {
	var flags byte
	if m.Voter {
		flags |= flagVoter
	}
	if m.OldVoter {
		flags |= flagOldVoter
	}
	if m.Promote {
		flags |= flagPromote
	}
	return flags
}

// DecodeConfiguration decodes what AppendConfiguration made. It refuses unknown versions and flags,
// unsorted members, and bytes that are missing or left over.
func DecodeConfiguration(data []byte) (Configuration, error) {
	d := configurationDecoder{rest: data}
	version := d.uint8()
	if d.short {
		return Configuration{}, fmt.Errorf("core: configuration of %d bytes is cut short", len(data))
	}
	if version == 0 || version > configurationVersion {
		return Configuration{}, fmt.Errorf("core: configuration version %d, only 1 and %d are known", version, configurationVersion)
	}
	var c Configuration
	if version > 1 {
		c.HighestID = NodeID(d.uint64())
	}
	count := int(d.uint16())
	if count > MaxMembers {
		return Configuration{}, fmt.Errorf("core: configuration claims %d members, at most %d are allowed", count, MaxMembers)
	}
	for i := range count {
		m, flags := d.member(version)
		if d.short {
			return Configuration{}, fmt.Errorf("core: configuration is cut short in member %d of %d", i, count)
		}
		if flags != m.flags() {
			return Configuration{}, fmt.Errorf("core: configuration has unknown flags %#x in member %d", flags, i)
		}
		c.Members = append(c.Members, m)
	}
	if d.short || len(d.rest) != 0 {
		return Configuration{}, fmt.Errorf("core: configuration of %d members in %d bytes is cut short or has bytes left over", count, len(data))
	}
	if err := c.validate(); err != nil {
		return Configuration{}, fmt.Errorf("core: %w", err)
	}
	return c, nil
}

// configurationDecoder takes fields from the front of rest. Once one is missing, short is set and all that
// follow are zero.
type configurationDecoder struct {
	rest  []byte
	short bool
}

func (d *configurationDecoder) take(n int) []byte {
	if d.short || len(d.rest) < n {
		d.short = true
		return make([]byte, min(n, 8)) // no field but an address is longer, and that is not read then
	}
	field := d.rest[:n]
	d.rest = d.rest[n:]
	return field
}

func (d *configurationDecoder) uint8() byte    { return d.take(1)[0] }
func (d *configurationDecoder) uint16() uint16 { return binary.LittleEndian.Uint16(d.take(2)) }
func (d *configurationDecoder) uint64() uint64 { return binary.LittleEndian.Uint64(d.take(8)) }

// member takes one member, and its flags as they stand.
func (d *configurationDecoder) member(version byte) (m Member, flags byte) {
	m.ID = NodeID(d.uint64())
	flags = d.uint8()
	m.Voter, m.OldVoter = flags&flagVoter != 0, flags&flagOldVoter != 0
	if version > 1 {
		m.Promote = flags&flagPromote != 0
		m.Instance = d.uint64()
	}
	m.Address = string(d.take(int(d.uint16())))
	return m, flags
}
