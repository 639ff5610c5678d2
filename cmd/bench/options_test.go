package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOptionsByDefault(t *testing.T) {
	o, err := parseOptions(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.suites) != 1 || o.suites[0].name != "classic" || o.runs != 5 || o.requests != 100000 ||
		!slices.Equal(o.keys, []int{1000000, 10000000}) || o.kills != 30 || o.replicaAOF {
		t.Errorf("got %+v", o)
	}
}

func TestShortKeepsWhatIsGiven(t *testing.T) {
	o, err := parseOptions([]string{"-short", "-runs", "7", "-suite", "outage, classic", "-keys", "5,6"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.runs != 7 || o.requests != brief.requests || o.kills != brief.kills || o.quiet != time.Second || !slices.Equal(o.keys, []int{5, 6}) {
		t.Errorf("got %+v", o)
	}
	if len(o.suites) != 2 || o.suites[0].name != "classic" || o.suites[1].name != "outage" {
		t.Errorf("suites out of order: %v", o.suites)
	}
}

func TestWrongOptionsAreRefused(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-suite nothing", `there is no suite "nothing"`},
		{"-suite classic,", `there is no suite ""`},
		{"-runs 0", "-runs 0: must be from 1"},
		{"-requests -5", "-requests -5: must be from 1"},
		{"-kills 0", "-kills 0: must be from 1"},
		{"-keys 1000,x", `"x" is no number`},
		{"-keys 0", `"0" is no number from 1`},
		{"-quiet 0s", "-quiet 0s: must be more"},
		{"-rate -1", "-rate -1: must be"},
		{"-rate NaN", "-rate NaN: must be"},
		{"-replica-aof maybe", "must be yes or no"},
		{"-draw a -json b", "nothing is measured"},
		{"classic", `"classic" is no flag`},
		{"-what", "flag provided but not defined"},
	} {
		if _, err := parseOptions(strings.Fields(test.args), io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.args, err, test.want)
		}
	}
}

func TestSuitesHaveNamesOfTheirOwn(t *testing.T) {
	seen := make(map[string]bool)
	all, err := chosenSuites("all")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if seen[s.name] || s.name == "" || s.title == "" || s.about == "" || s.run == nil || len(s.metrics) == 0 || s.layout == "" {
			t.Errorf("suite %q lacks something or is there twice", s.name)
		}
		seen[s.name] = true
	}
}

func TestShapesStayWithinBounds(t *testing.T) {
	o := options{requests: 100000}
	for _, test := range []struct{ clients, pipeline, value, want int }{
		{50, 1, 100, 100000}, {50, 16, 100, 1600000}, {50, 128, 100, 1600000}, {50, 1, 64 << 10, runBytes / (64 << 10)},
	} {
		if s := o.shapeOf(test.clients, test.pipeline, test.value); s.requests != test.want {
			t.Errorf("%+v has %d requests", test, s.requests)
		}
	}
	if s := (options{requests: 1}).shapeOf(50, 16, 100); s.requests < 50*16 {
		t.Errorf("%d requests are not one pipeline for each connection", s.requests)
	}
}
