package core

import (
	"encoding/binary"
	"fmt"
)

// The encoding of a configuration, little endian. It is canonical: equal configurations have equal
// bytes, and nothing else decodes.
//
//	version  u8   1
//	members  u16
//	per member, by ascending id:
//	  id       u64
//	  flags    u8   bit 0 Voter, bit 1 OldVoter
//	  address  u16 length, then its bytes
const (
	configurationVersion = 1

	flagVoter    = 1 << 0
	flagOldVoter = 1 << 1

	memberHeaderBytes = 8 + 1 + 2
)

// AppendConfiguration appends the encoding of c to dst and returns the extended slice. c must be
// sorted and within MaxMembers and MaxAddressBytes.
func AppendConfiguration(dst []byte, c Configuration) []byte {
	if err := c.validate(); err != nil {
		bug("encoding an invalid configuration: %v", err)
	}
	dst = append(dst, configurationVersion)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(c.Members)))
	for i := range c.Members {
		m := &c.Members[i]
		var flags byte
		if m.Voter {
			flags |= flagVoter
		}
		if m.OldVoter {
			flags |= flagOldVoter
		}
		dst = binary.LittleEndian.AppendUint64(dst, uint64(m.ID))
		dst = append(dst, flags)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(m.Address)))
		dst = append(dst, m.Address...)
	}
	return dst
}

// DecodeConfiguration decodes what AppendConfiguration made. It refuses unknown versions and flags,
// unsorted members, and bytes that are missing or left over.
func DecodeConfiguration(data []byte) (Configuration, error) {
	if len(data) < 3 {
		return Configuration{}, fmt.Errorf("core: configuration of %d bytes is cut short", len(data))
	}
	if data[0] != configurationVersion {
		return Configuration{}, fmt.Errorf("core: configuration version %d, only %d is known", data[0], configurationVersion)
	}
	count := int(binary.LittleEndian.Uint16(data[1:]))
	rest := data[3:]
	if count > MaxMembers || count > len(rest)/memberHeaderBytes {
		return Configuration{}, fmt.Errorf("core: configuration claims %d members in %d bytes", count, len(rest))
	}
	var c Configuration
	if count > 0 {
		c.Members = make([]Member, 0, count)
	}
	for i := range count {
		if len(rest) < memberHeaderBytes {
			return Configuration{}, fmt.Errorf("core: configuration is cut short in member %d", i)
		}
		flags := rest[8]
		if flags&^(flagVoter|flagOldVoter) != 0 {
			return Configuration{}, fmt.Errorf("core: configuration has unknown flags %#x in member %d", flags, i)
		}
		id := NodeID(binary.LittleEndian.Uint64(rest))
		length := int(binary.LittleEndian.Uint16(rest[9:]))
		rest = rest[memberHeaderBytes:]
		if len(rest) < length {
			return Configuration{}, fmt.Errorf("core: configuration is cut short in the address of member %d", i)
		}
		c.Members = append(c.Members, Member{
			ID:       id,
			Address:  string(rest[:length]),
			Voter:    flags&flagVoter != 0,
			OldVoter: flags&flagOldVoter != 0,
		})
		rest = rest[length:]
	}
	if len(rest) != 0 {
		return Configuration{}, fmt.Errorf("core: configuration has %d bytes left over", len(rest))
	}
	if err := c.validate(); err != nil {
		return Configuration{}, fmt.Errorf("core: %w", err)
	}
	return c, nil
}
