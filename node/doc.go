// Package node runs a replica as part of a process: goroutines, listeners, connections to the peers, and good manners at a
// stop. What a replica does is in package replica, which needs none of them; consensus is in package raft, and
// the front end in package resp.
package node
