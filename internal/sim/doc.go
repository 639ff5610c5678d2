// Package sim runs a whole cluster in one goroutine and virtual time, breaks it in every way that its networks, disks, clocks,
// processes and operators can break, and holds what clients were told against what was promised them.
//
// The nodes are the product: raft/core under raft's own driver, node/replica with its log, snapshots, sessions and reads, on a
// file system in memory that can crash at any operation. Their messages cross the simulated network as bytes. What is not the
// product here is what has no logic of its own: goroutines, sockets and the real clock.
//
// A world is drawn from one seed (draw.go): its size, its limits, what its clients do, and which faults strike how often. It
// then has one course: an event queue (queue.go) in place of goroutines, no map order, no clock, no other source of chance. To
// look at what a seed found is to run it again:
//
//	go run ./cmd/sim -seed 1234
//
// A life has three parts (world.go). In the time of trouble, clients (client.go, workload.go) call, an operator (operator.go)
// takes machines in and out, and the nemesis (faults.go, damage.go) strikes. Then the world is healed, at least a majority of
// it, and must recover within a bound (liveness.go). In the end the clients' histories are judged by package lin.
//
// The checkers (check_*.go, shadow.go) look on from outside all the while: at messages as they leave, at increments as they are
// saved, at entries as they are applied. They keep their own books and ask no node for its opinion. docs/SIMULATION.md says what
// they check, and package planted shows that they can fail.
package sim
