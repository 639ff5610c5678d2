package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"redoubt/internal/lin"
)

const (
	// adminLimit is for how long an operator insists on a change of the membership.
	adminLimit = time.Minute
	adminPause = 200 * time.Millisecond
	// refusalLimit is how long a node that the cluster does not want may run.
	refusalLimit = 15 * time.Second
)

// administer sends a command of an operator to the leader, once.
func (a *arena) administer(ctx context.Context, words ...string) outcome {
	return a.admin.do(ctx, [][]string{words})[0]
}

// transfer hands leadership to any member, the leader included.
func transfer(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	id := a.observer.of(r.IntN(len(a.nodes))).id
	if id == 0 {
		return false, nil
	}
	defer a.handsOver()()
	// In the midst of other faults, any answer may be right.
	a.administer(ctx, "RAFT", "TRANSFER", strconv.FormatUint(id, 10))
	return true, nil
}

func replaceOne(ctx context.Context, a *arena, r *rand.Rand) (bool, error) {
	return a.replace(ctx, r.IntN(len(a.nodes)))
}

func replaceLeader(ctx context.Context, a *arena, _ *rand.Rand) (bool, error) {
	return a.replace(ctx, a.observer.leading())
}

// replace takes a node out of the cluster, and has a new one with an empty disk join on its machine.
func (a *arena) replace(ctx context.Context, i int) (bool, error) {
	n := a.claimIndex(i)
	if n == nil {
		return false, nil
	}
	defer n.release()
	p, id := n.(*process), a.observer.of(i).id
	if id == 0 || !a.complete() {
		return false, nil
	}
	p.allowEnd() // a removed node ends by itself
	removed, err := a.remove(context.WithoutCancel(ctx), id)
	if err != nil {
		return false, err
	}
	if !removed {
		return false, p.start()
	}
	p.endsWithin(time.Second)
	if err := p.kill(); err != nil {
		return false, err
	}
	if err := os.RemoveAll(p.data()); err != nil {
		return false, err
	}
	p.setArgs("--join=" + strings.Join(a.addressesBut(i), ","))
	if err := p.start(); err != nil {
		return false, err
	}
	joined, cancel := context.WithTimeout(ctx, adminLimit)
	defer cancel()
	_ = eventually(joined, func() error {
		if !a.complete() {
			return fmt.Errorf("%s has not joined", p.name())
		}
		return nil
	})
	return true, nil
}

// complete reports whether every node is a member, as far as the leader knows.
func (a *arena) complete() bool {
	leader := a.observer.leading()
	return leader >= 0 && a.observer.of(leader).members == uint64(len(a.nodes))
}

// remove insists on a member's removal until it is known what became of it.
func (a *arena) remove(ctx context.Context, id uint64) (removed bool, err error) {
	deadline := time.Now().Add(adminLimit)
	sent := false
	for time.Now().Before(deadline) || sent {
		o := a.administer(ctx, "RAFT", "LEAVE", strconv.FormatUint(id, 10))
		switch {
		case o.Outcome == lin.Done, strings.HasSuffix(o.strange, "is not a member"):
			return true, nil
		case o.strange != "":
			// Refused for now, and nothing done.
		case o.Outcome == lin.Unknown:
			sent = true
		}
		if time.Since(deadline) > 2*adminLimit {
			return false, fmt.Errorf("the removal of node %d was sent, and its outcome cannot be learned: %s", id, o.strange)
		}
		wait(ctx, adminPause)
	}
	return false, nil
}

// wipedDisk starts a member with an empty disk under its old id. It must be refused: it has forgotten what it acknowledged.
func wipedDisk(ctx context.Context, a *arena, r *rand.Rand) (did bool, err error) {
	i := r.IntN(len(a.nodes))
	n := a.claimIndex(i)
	if n == nil {
		return false, nil
	}
	defer n.release()
	p, id := n.(*process), a.observer.of(i).id
	if id == 0 || !a.complete() || !a.recorded() {
		return false, nil
	}
	if err := p.kill(); err != nil {
		return false, err
	}
	aside := p.data() + ".aside"
	if err := os.Rename(p.data(), aside); err != nil {
		return false, err
	}
	args := p.args
	p.setArgs(fmt.Sprintf("--node-id=%d", id), "--peers="+a.peers(map[int]uint64{i: id}))
	if err := p.start(); err != nil {
		return false, err
	}
	p.allowEnd()
	a.watchImpostor(ctx, p, i)
	if err := p.kill(); err != nil {
		return false, err
	}
	if err := os.RemoveAll(p.data()); err != nil {
		return false, err
	}
	if err := os.Rename(aside, p.data()); err != nil {
		return false, err
	}
	p.args = args
	return true, p.start()
}

// watchImpostor looks at a node with a wiped disk until it has ended.
func (a *arena) watchImpostor(ctx context.Context, p *process, i int) {
	until := time.Now().Add(refusalLimit)
	for time.Now().Before(until) && ctx.Err() == nil {
		if p.endsWithin(adminPause) {
			return
		}
		if s, err := a.observer.ask(ctx, i); err == nil && s.role == "leader" {
			a.violate(fmt.Sprintf("%s leads with a disk that was wiped", p.name()), nil)
		}
	}
}

// recorded reports whether every node answers, so that each has been heard by the leader with the disk it has.
func (a *arena) recorded() bool {
	for i := range a.nodes {
		if a.observer.of(i).id == 0 {
			return false
		}
	}
	return true
}

// peers lists the nodes in the form of the setting. Ids that are not given are those that the nodes tell.
func (a *arena) peers(ids map[int]uint64) string {
	var items []string
	for i, n := range a.nodes {
		id, ok := ids[i]
		if !ok {
			id = a.observer.of(i).id
		}
		items = append(items, fmt.Sprintf("%d=%s", id, n.(*process).peerListen))
	}
	return strings.Join(items, ",")
}

// addressesBut are the client addresses of the other nodes.
func (a *arena) addressesBut(i int) []string {
	var all []string
	for j, n := range a.nodes {
		if j != i {
			all = append(all, n.client())
		}
	}
	return all
}
