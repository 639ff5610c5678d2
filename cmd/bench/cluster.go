package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"redoubt/internal/freeport"
)

// cluster is Redoubt: real server processes, with default settings but for the given flags.
type cluster struct {
	title, id string
	binary    string
	dir       string
	flags     []string
	nodes     []*process
	joined    int // nodes that came later
	ports     freeport.Holder
}

// buildServer builds the server that is measured.
func buildServer(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "redoubt")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "redoubt/cmd/redoubt")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the server: %w: %s", err, lastLines(string(out), 10))
	}
	return binary, nil
}

// startCluster starts nodes and waits until they serve.
func startCluster(ctx context.Context, title, id, binary, dir string, size int, flags []string) (*cluster, error) {
	c := &cluster{title: title, id: id, binary: binary, flags: flags}
	ports, err := c.ports.Take(2 * size)
	if err != nil {
		return nil, err
	}
	if c.dir, err = newDir(dir, id); err != nil {
		return nil, err
	}
	peers := make([]string, size)
	for i := range peers {
		peers[i] = fmt.Sprintf("%d=%s", i+1, freeport.Loopback(ports[size+i]))
	}
	for i := range size {
		p := newMember(c.dir, fmt.Sprintf("node%d", i+1), binary, ports[i])
		p.peer = freeport.Loopback(ports[size+i])
		p.args = c.args(p, fmt.Sprintf("--node-id=%d", i+1), "--peers="+strings.Join(peers, ","))
		c.nodes = append(c.nodes, p)
	}
	if err := startAll(c.nodes); err != nil {
		return nil, err
	}
	if _, err := c.leader(ctx); err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

func (c *cluster) args(p *process, more ...string) []string {
	return slices.Concat([]string{"server", "--cluster-id=bench", "--listen=" + p.address, "--peer-listen=" + p.peer, "--dir=" + p.dir}, more, c.flags)
}

func (c *cluster) name() string        { return c.title }
func (c *cluster) key() string         { return c.id }
func (c *cluster) members() []*process { return c.nodes }

func (c *cluster) end() error {
	defer c.ports.Release()
	return killAll(c.nodes)
}

func (c *cluster) peers() map[string]bool {
	all := make(map[string]bool)
	for _, p := range c.nodes {
		all[p.peer] = true
	}
	return all
}

func (c *cluster) leader(ctx context.Context) (*process, error) {
	var leader *process
	err := eventually(ctx, readyLimit, c.title+" has a leader that takes writes", func() (err error) {
		leader, err = c.findLeader()
		return err
	})
	return leader, err
}

// findLeader returns the node that says it leads and takes a write.
func (c *cluster) findLeader() (*process, error) {
	reason := errors.New("no node runs")
	for _, p := range c.nodes {
		if !p.running() {
			continue
		}
		fields, err := info(p.address, "raft")
		if err != nil {
			reason = err
			continue
		}
		if fields["raft_role"] != "leader" {
			reason = errors.New("no node leads")
			continue
		}
		if _, err := ask(p.address, "SET", "bench:ready", "yes"); err != nil {
			reason = err
			continue
		}
		return p, nil
	}
	if !slices.ContainsFunc(c.nodes, (*process).running) {
		return nil, finalError{c.nodes[0].endedError()}
	}
	return nil, reason
}

func (c *cluster) settled() error {
	if err := eachRuns(c.nodes); err != nil {
		return err
	}
	leader, err := c.findLeader()
	if err != nil {
		return err
	}
	fields, err := info(leader.address, "raft")
	if err != nil {
		return err
	}
	commit, err := number(fields, "raft_commit_index")
	if err != nil {
		return err
	}
	for _, p := range c.nodes {
		if err := c.reached(p, commit); err != nil {
			return err
		}
		if saving, err := bgsaveRuns(p); err != nil || saving {
			return errors.Join(err, fmt.Errorf("%s takes a snapshot", p.name))
		}
	}
	return nil
}

// reached returns an error while a node has not applied an index.
func (c *cluster) reached(p *process, index float64) error {
	fields, err := info(p.address, "raft")
	if err != nil {
		return err
	}
	applied, err := number(fields, "raft_applied_index")
	if err == nil && applied < index {
		err = fmt.Errorf("%s has applied %.0f of %.0f entries", p.name, applied, index)
	}
	return err
}

func (c *cluster) failsOver() bool { return true }

// reload restarts a follower in good order.
func (c *cluster) reload(ctx context.Context, key string) (time.Duration, error) {
	leader, err := c.leader(ctx)
	if err != nil {
		return 0, err
	}
	rest := others(c, leader)
	if len(rest) == 0 {
		return 0, errors.New("there is no follower")
	}
	p := rest[0]
	if err := bgsave(rest[:1]); err != nil {
		return 0, err
	}
	if err := settle(ctx, c); err != nil {
		return 0, err
	}
	fields, err := info(p.address, "raft")
	if err != nil {
		return 0, err
	}
	index, err := number(fields, "raft_applied_index")
	if err != nil {
		return 0, err
	}
	if err := p.stop(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.start(); err != nil {
		return 0, err
	}
	err = eventually(ctx, settleLimit, p.name+" serves again", func() error {
		if !p.running() {
			return finalError{p.endedError()}
		}
		return c.reached(p, index)
	})
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	return took, staleGet(p, key)
}

// staleGet makes sure that a follower has a key.
func staleGet(p *process, key string) error {
	at, err := dial(p.address)
	if err != nil {
		return err
	}
	defer at.close()
	if _, err := at.do(askLimit, "READONLY", "STALE"); err != nil {
		return err
	}
	r, err := at.do(askLimit, "GET", key)
	if err == nil && r.null {
		err = fmt.Errorf("%s has come back without %s", p.name, key)
	}
	return err
}

// changeLimit is how long a change of the membership or of the leader may take.
const changeLimit = time.Minute

func (c *cluster) transfer(ctx context.Context) error {
	leader, err := c.leader(ctx)
	if err != nil {
		return err
	}
	rest := others(c, leader)
	if len(rest) == 0 {
		return errors.New("nobody is there to transfer leadership to")
	}
	fields, err := info(rest[0].address, "raft")
	if err != nil {
		return err
	}
	if _, err = askWithin(changeLimit, leader.address, "RAFT", "TRANSFER", fields["raft_node_id"]); err != nil {
		return fmt.Errorf("RAFT TRANSFER: %w", err)
	}
	return nil
}

// replace takes the lost node out of the membership and has a new one join, as an operator must: a node that comes back
// without what it acknowledged is refused.
func (c *cluster) replace(ctx context.Context, lost *process) (*process, error) {
	id, err := c.idOf(lost)
	if err != nil {
		return nil, err
	}
	leader, err := c.leader(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := askWithin(changeLimit, leader.address, "RAFT", "LEAVE", strconv.FormatFloat(id, 'f', 0, 64)); err != nil {
		return nil, fmt.Errorf("RAFT LEAVE: %w", err)
	}
	if err := os.RemoveAll(lost.dir); err != nil {
		return nil, err
	}
	ports, err := c.ports.Take(2)
	if err != nil {
		return nil, err
	}
	c.joined++
	p := newMember(c.dir, fmt.Sprintf("joined%d", c.joined), c.binary, ports[0])
	p.peer = freeport.Loopback(ports[1])
	p.args = c.args(p, "--join="+leader.address)
	c.nodes = append(others(c, lost), p)
	return p, p.start()
}

// idOf asks the other nodes for the id of a node by its peer address.
func (c *cluster) idOf(lost *process) (float64, error) {
	for _, p := range others(c, lost) {
		fields, err := info(p.address, "raft")
		if err != nil {
			return 0, err
		}
		for name, value := range fields {
			member := memberFields(value)
			if strings.HasPrefix(name, "raft_member") && member["peer"] == lost.peer {
				return strconv.ParseFloat(member["id"], 64)
			}
		}
	}
	return 0, fmt.Errorf("nobody knows %s", lost.name)
}

// memberFields splits "id=1,peer=host:port,...".
func memberFields(value string) map[string]string {
	fields := make(map[string]string)
	for part := range strings.SplitSeq(value, ",") {
		if name, value, ok := strings.Cut(part, "="); ok {
			fields[name] = value
		}
	}
	return fields
}

// caughtUp asks the new member itself: it votes, and has applied all that it knows to be committed. The vote alone would not
// do: a member votes with a log, while it still loads the snapshot that the log continues.
func (c *cluster) caughtUp(member *process) error {
	if !member.running() {
		return finalError{member.endedError()}
	}
	fields, err := info(member.address, "raft")
	if err != nil {
		return err
	}
	committed, err := number(fields, "raft_commit_index")
	if err != nil {
		return err
	}
	applied, err := number(fields, "raft_applied_index")
	if err != nil {
		return err
	}
	votes := false
	for name, value := range fields {
		of := memberFields(value)
		if strings.HasPrefix(name, "raft_member") && of["peer"] == member.peer {
			votes = of["role"] == "voter"
		}
	}
	if !votes {
		return fmt.Errorf("%s does not vote yet", member.name)
	}
	if applied < committed {
		return fmt.Errorf("%s has applied %.0f of %.0f entries", member.name, applied, committed)
	}
	return nil
}
