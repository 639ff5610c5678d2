package core

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestConfigurationRoundTrip(t *testing.T) {
	for _, c := range []Configuration{
		{},
		voters(1),
		{Members: []Member{
			{ID: 1, Address: "127.0.0.1:7000", Voter: true, OldVoter: true},
			{ID: 2, Address: strings.Repeat("a", MaxAddressBytes)},
			{ID: 1<<64 - 1, OldVoter: true},
		}},
	} {
		data := AppendConfiguration([]byte("before"), c)
		got, err := DecodeConfiguration(data[len("before"):])
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v became %+v, %v", c, got, err)
		}
	}
}

func TestDecodeConfigurationRefuses(t *testing.T) {
	good := AppendConfiguration(nil, Configuration{Members: []Member{{ID: 1, Address: "a", Voter: true}, {ID: 2}}})
	for n := range good {
		if _, err := DecodeConfiguration(good[:n]); err == nil {
			t.Errorf("cut after %d of %d bytes: accepted", n, len(good))
		}
	}
	change := func(at int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[at] = b
		return bad
	}
	for name, bad := range map[string][]byte{
		"unknown version":  change(0, 2),
		"unknown flag":     change(3+8, 4),
		"too many members": change(2, 0xff),
		"no id":            change(3, 0),
		"unsorted":         change(3, 2),
		"left over":        append(bytes.Clone(good), 0),
	} {
		if _, err := DecodeConfiguration(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	wantBug(t, func() { AppendConfiguration(nil, Configuration{Members: []Member{{ID: 2}, {ID: 1}}}) })
}

// FuzzDecodeConfiguration: what decodes has one encoding, its own.
func FuzzDecodeConfiguration(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendConfiguration(nil, Configuration{}))
	f.Add(AppendConfiguration(nil, Configuration{Members: []Member{{ID: 1, Address: "node-1:7000", Voter: true}, {ID: 7, OldVoter: true}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeConfiguration(data)
		if err != nil {
			return
		}
		if again := AppendConfiguration(nil, c); !bytes.Equal(again, data) {
			t.Fatalf("%x decodes to %+v, which encodes to %x", data, c, again)
		}
	})
}

func TestConfigurationAccessors(t *testing.T) {
	c := voters(2)
	if c.Joint() {
		t.Error("a configuration without old voters is joint")
	}
	c.Members[1].OldVoter = true
	if !c.Joint() {
		t.Error("a configuration with an old voter is not joint")
	}
	if m, ok := c.Member(2); !ok || m.ID != 2 {
		t.Errorf("member 2: %+v, %t", m, ok)
	}
	if _, ok := c.Member(3); ok {
		t.Error("found a member that is not there")
	}
}
