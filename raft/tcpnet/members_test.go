package tcpnet_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/tcpnet"
)

func members(addresses map[core.NodeID]string) []core.Member {
	var list []core.Member
	for id := core.NodeID(1); id <= 9; id++ {
		if address, ok := addresses[id]; ok {
			list = append(list, core.Member{ID: id, Address: address, Voter: true})
		}
	}
	return list
}

func TestTheInstanceArrivesWithEachMessage(t *testing.T) {
	o := options(t, 1)
	o.Instance = 1<<64 - 1
	one, _ := start(t, o)
	two, err := tcpnet.New(options(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { two.Close() })
	instances := make(chan uint64, 1)
	if err := two.Start(func(_ core.Message, instance uint64) { instances <- instance }); err != nil {
		t.Fatal(err)
	}
	one.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	one.Send([]core.Message{heartbeat(1, 2, 1)})
	if got := next(t, "a message arrives", instances); got != o.Instance {
		t.Errorf("the message came with instance %d, want its sender's, %d", got, o.Instance)
	}
}

// A node that Admit refuses is told why, whichever side dials.
func TestAdmitRefusesADisk(t *testing.T) {
	type refusal struct {
		id     core.NodeID
		reason string
	}
	refusals := make(chan refusal, 100)
	o := options(t, 1)
	o.Instance = 66
	o.OnRefused = func(id core.NodeID, reason string) {
		select {
		case refusals <- refusal{id, reason}:
		default:
		}
	}
	wiped, toWiped := start(t, o)
	o = options(t, 2)
	o.Admit = func(id core.NodeID, instance uint64) error {
		if id == 1 && instance != 65 {
			return errors.New("node 1 has lost its disk")
		}
		return nil
	}
	two, toTwo := start(t, o)
	wiped.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	if got := next(t, "the refused side is told", refusals); got.id != 2 || !strings.Contains(got.reason, "lost its disk") {
		t.Errorf("node %d refused with %q, want node 2 and the reason that Admit gave", got.id, got.reason)
	}
	two.SetPeers(map[core.NodeID]string{1: wiped.Addr().String()})
	for range 5 {
		wiped.Send([]core.Message{heartbeat(1, 2, 1)})
		two.Send([]core.Message{heartbeat(2, 1, 1)})
		next(t, "it is refused again and again", refusals)
	}
	if len(toTwo) > 0 || len(toWiped) > 0 || two.Connected(1) || wiped.Connected(2) {
		t.Error("messages passed between a node and one that it does not admit")
	}
}

// A node that was let in by one that did not know better, as it had just started, is told when that does.
func TestAdmitIsAskedAgain(t *testing.T) {
	var known atomic.Bool
	refusals := make(chan string, 100)
	o := options(t, 1)
	o.PingInterval = 20 * time.Millisecond
	o.OnRefused = func(_ core.NodeID, reason string) {
		select {
		case refusals <- reason:
		default:
		}
	}
	wiped, _ := start(t, o)
	o = options(t, 2)
	o.Admit = func(core.NodeID, uint64) error {
		if known.Load() {
			return errors.New("node 1 has lost its disk")
		}
		return nil
	}
	two, _ := start(t, o)
	wiped.SetPeers(map[core.NodeID]string{2: two.Addr().String()})
	within(t, "it is let in", func() bool { return wiped.Connected(2) })
	known.Store(true)
	if reason := next(t, "it is refused", refusals); !strings.Contains(reason, "lost its disk") {
		t.Errorf("refused with %q, want the reason that Admit gave", reason)
	}
}

func TestMembersAreFollowed(t *testing.T) {
	noGoroutinesLeft(t)
	const grace = time.Second
	var networks []*tcpnet.Network
	// removed: node 3 does not know that it is no member any more, and would come back at once.
	var removed atomic.Bool
	addresses := make(map[core.NodeID]string)
	for id := core.NodeID(1); id <= 3; id++ {
		o := options(t, id)
		o.RemovedGrace = grace
		o.Admit = func(other core.NodeID, _ uint64) error {
			if other == 3 && removed.Load() {
				return errors.New("removed")
			}
			return nil
		}
		n, _ := start(t, o)
		networks = append(networks, n)
		addresses[id] = n.Addr().String()
	}
	one, two, three := networks[0], networks[1], networks[2]
	for _, n := range networks {
		n.SetMembers(members(addresses))
	}
	within(t, "all members connect", func() bool { return one.Connected(3) && three.Connected(1) && one.Connected(2) })

	// The members change, and change back within the grace: nobody is disconnected.
	connects := one.Stats().Peers[3].Connects
	without := maps.Clone(addresses)
	delete(without, 3)
	one.SetMembers(members(without))
	one.SetMembers(members(addresses))
	removed.Store(true)
	begun := time.Now()
	one.SetMembers(members(without))
	if !one.Connected(3) {
		t.Error("a former member was disconnected at once: it may not know yet that it was removed")
	}
	within(t, "a former member is disconnected in the end, in both directions", func() bool {
		return !one.Connected(3) && one.Stats().Peers[3].Address == "" && one.Stats().Accepted <= 2
	})
	if took := time.Since(begun); took < grace/2 {
		t.Errorf("a former member was disconnected after %v, want %v", took, grace)
	}
	if !one.Connected(2) || one.Stats().Peers[2].Connects != 1 || connects != 1 {
		t.Error("a member that stayed was disconnected")
	}

	// It may come back, and Close does not wait for a grace that runs.
	removed.Store(false)
	one.SetMembers(members(addresses))
	within(t, "a member that is added again connects", func() bool { return one.Connected(3) })
	one.SetMembers(members(without))
	closed := make(chan struct{})
	go func() { one.Close(); close(closed) }()
	next(t, "Close returns", closed)
	two.Close()
}

// An operator may have moved a node while the cluster was down, and told its peers by their settings alone.
func TestBothAddressesOfAMemberAreTried(t *testing.T) {
	two, _ := start(t, options(t, 2))
	gone := listen(t)
	stale := gone.Addr().String()
	gone.Close()
	for name, o := range map[string]struct{ recorded, set string }{
		"the setting is right":        {stale, two.Addr().String()},
		"the configuration is right":  {two.Addr().String(), stale},
		"only the setting names any":  {"", two.Addr().String()},
		"only the configuration does": {two.Addr().String(), ""},
		"the two agree":               {two.Addr().String(), two.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			options := options(t, 1)
			if o.set != "" {
				options.Peers = map[core.NodeID]string{2: o.set}
			}
			one, _ := start(t, options)
			one.SetMembers([]core.Member{{ID: 1}, {ID: 2, Address: o.recorded}})
			within(t, "the member is found", func() bool { return one.Connected(2) })
		})
	}
}

// A node that is behind does not know of every member, nor one that has just joined of any, and must answer them still.
func TestWhoConnectsCanBeAnswered(t *testing.T) {
	o := options(t, 1)
	address := o.Listener.Addr().String()
	o.Peers = map[core.NodeID]string{1: address}
	one, toOne := start(t, o)
	two, _ := start(t, options(t, 2))
	for _, knows := range []string{"nothing of the node", "an address where it no longer is"} {
		if knows != "nothing of the node" {
			gone := listen(t)
			two.SetMembers(members(map[core.NodeID]string{1: gone.Addr().String()}))
			gone.Close()
		}
		one.SetPeers(map[core.NodeID]string{1: address, 2: two.Addr().String()})
		within(t, "a node that knows "+knows+" finds one that is connected to it", func() bool { return two.Connected(1) })
		two.Send([]core.Message{heartbeat(2, 1, 1)})
		next(t, "the answer arrives", toOne)
		one.SetPeers(map[core.NodeID]string{1: address})
		within(t, "what a node said of itself is forgotten with its connection", func() bool { return two.Stats().Accepted == 0 })
		if known := two.Peers()[1]; known == address {
			t.Errorf("node 1 is still dialled at %s, which it told before it disconnected", known)
		}
	}
}

// Whatever order members, addresses and the end come in, nothing is left behind.
func TestMembersMayChangeWhileTheNetworkCloses(t *testing.T) {
	noGoroutinesLeft(t)
	o := options(t, 1)
	o.RemovedGrace = time.Microsecond
	one, _ := start(t, o)
	two, _ := start(t, options(t, 2))
	all := map[core.NodeID]string{1: one.Addr().String(), 2: two.Addr().String()}
	var changing sync.WaitGroup
	changing.Go(func() {
		for i := range 200 {
			if i%2 == 0 {
				one.SetMembers(members(all))
			} else {
				one.SetMembers(members(map[core.NodeID]string{1: all[1]}))
			}
		}
	})
	one.Close()
	changing.Wait()
}
