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
			{ID: 3, Promote: true, Instance: 1<<64 - 1},
			{ID: 1<<63 - 1, OldVoter: true},
		}, HighestID: 1<<64 - 1},
	} {
		data := AppendConfiguration([]byte("before"), c)
		got, err := DecodeConfiguration(data[len("before"):])
		if err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("%+v became %+v, %v", c, got, err)
		}
	}
}

// Logs and snapshots of the first version are still read.
func TestDecodeConfigurationVersion1(t *testing.T) {
	got, err := DecodeConfiguration([]byte{1, 2, 0,
		1, 0, 0, 0, 0, 0, 0, 0, flagVoter | flagOldVoter, 1, 0, 'a',
		7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	})
	want := Configuration{Members: []Member{{ID: 1, Address: "a", Voter: true, OldVoter: true}, {ID: 7}}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decodes to %+v, %v; want %+v", got, err, want)
	}
}

func TestDecodeConfigurationRefuses(t *testing.T) {
	good := AppendConfiguration(nil, Configuration{Members: []Member{{ID: 1, Address: "a", Voter: true}, {ID: 2}}, HighestID: 2})
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
		"version 0":                    change(0, 0),
		"unknown version":              change(0, 3),
		"highest id below a member's":  change(1, 1),
		"too many members":             change(10, 0xff),
		"no id":                        change(11, 0),
		"unsorted":                     change(11, 2),
		"unknown flag":                 change(11+8, 8),
		"promotion of one that votes":  change(11+8, flagVoter|flagPromote),
		"left over":                    append(bytes.Clone(good), 0),
		"flag of version 2 in version": {1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, flagPromote, 0, 0},
	} {
		if _, err := DecodeConfiguration(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	wantBug(t, func() { AppendConfiguration(nil, Configuration{Members: []Member{{ID: 2}, {ID: 1}}}) })
}

// FuzzDecodeConfiguration: what decodes has one encoding, its own (of version 2).
func FuzzDecodeConfiguration(f *testing.F) {
	f.Add([]byte{})
	f.Add(AppendConfiguration(nil, Configuration{}))
	f.Add(AppendConfiguration(nil, Configuration{Members: []Member{{ID: 1, Address: "node-1:7000", Voter: true}, {ID: 7, OldVoter: true}}}))
	f.Add([]byte{1, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, flagVoter, 1, 0, 'a'})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := DecodeConfiguration(data)
		if err != nil {
			return
		}
		again := AppendConfiguration(nil, c)
		if data[0] == configurationVersion && !bytes.Equal(again, data) {
			t.Fatalf("%x decodes to %+v, which encodes to %x", data, c, again)
		}
		if same, err := DecodeConfiguration(again); err != nil || !reflect.DeepEqual(same, c) {
			t.Fatalf("%x decodes to %+v, and by way of %x to %+v, %v", data, c, again, same, err)
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
