package main

import (
	"fmt"
	"slices"
	"strings"
)

// link is how one node's network can be harmed: by a packet filter in its namespace.
type link struct {
	address string   // of the node, in the network of the nodes
	prefix  []string // runs a program in the node's network
	passing bool     // the network may be gone at any time, with its node
}

// table is the name of the packet filter's table, which belongs to this program alone.
const table = "torture"

// filter puts rules for incoming packets in the place of those before.
func (l link) filter(rules ...string) error {
	if l.address == "" {
		return nil
	}
	script := fmt.Sprintf("table inet %s\ndelete table inet %s\n", table, table)
	if len(rules) > 0 {
		script += fmt.Sprintf("table inet %s {\n chain in {\n  type filter hook input priority 0;\n  %s\n }\n}\n",
			table, strings.Join(rules, "\n  "))
	}
	_, err := command(script, append(slices.Clone(l.prefix), "nft", "-f", "-")...)
	if l.passing {
		return nil
	}
	return err
}

// open lets everything through.
func (l link) open() error { return l.filter() }

// each makes a rule for the packets of every other node, from what to do with them.
func each(others []link, format string, values ...any) []string {
	var rules []string
	for _, other := range others {
		if other.address != "" {
			rules = append(rules, "ip saddr "+other.address+" "+fmt.Sprintf(format, values...))
		}
	}
	return rules
}

// deaf drops what the others send.
func deaf(others ...link) []string { return each(others, "drop") }

// lossy drops some of what the others send.
func lossy(percent int, others ...link) []string {
	return each(others, "numgen random mod 100 < %d drop", percent)
}

// narrow drops what the others send beyond a rate.
func narrow(kilobytes int, others ...link) []string {
	return each(others, "limit rate over %d kbytes/second drop", kilobytes)
}
