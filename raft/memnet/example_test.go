package memnet_test

import (
	"fmt"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/memnet"
)

// Three nodes' endpoints; node 3 is cut off and comes back. A real test would hand each endpoint to
// a raft node and watch what the cluster makes of it.
func Example() {
	net := memnet.New(42)
	defer net.Close()

	one, two, three := net.Endpoint(1), net.Endpoint(2), net.Endpoint(3)
	arrived := make(chan string)
	for _, e := range []*memnet.Endpoint{two, three} {
		e.Start(func(m core.Message, _ uint64) {
			head := m.Head()
			arrived <- fmt.Sprintf("node %d got a %T of term %d", head.To, m, head.Term)
		})
	}
	greet := func(to core.NodeID, term uint64) {
		one.Send([]core.Message{core.HeartbeatRequest{Envelope: core.Envelope{From: 1, To: to, Term: term}}})
	}

	greet(3, 1)
	fmt.Println(<-arrived)

	net.Partition([]core.NodeID{1, 2}, []core.NodeID{3})
	greet(3, 2) // lost
	greet(2, 2)
	fmt.Println(<-arrived)

	net.Heal()
	net.SetFaults(memnet.Faults{MinDelay: time.Millisecond, MaxDelay: 5 * time.Millisecond})
	greet(3, 3)
	fmt.Println(<-arrived)

	// Output:
	// node 3 got a core.HeartbeatRequest of term 1
	// node 2 got a core.HeartbeatRequest of term 2
	// node 3 got a core.HeartbeatRequest of term 3
}
