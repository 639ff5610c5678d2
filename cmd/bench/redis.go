package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"redoubt/internal/freeport"
)

// redis is Debian's redis-server: a primary with appendfsync always, and replicas.
type redis struct {
	dir    string
	flags  []string
	keep   bool // replicas write an append-only file too
	nodes  []*process
	joined int
	ports  freeport.Holder
}

// startRedis starts a primary and its replicas, and waits until they follow.
func startRedis(ctx context.Context, dir string, replicas int, replicaAOF bool, flags []string) (*redis, error) {
	r := &redis{flags: flags, keep: replicaAOF}
	ports, err := r.ports.Take(1 + replicas)
	if err != nil {
		return nil, err
	}
	if r.dir, err = newDir(dir, "redis"); err != nil {
		return nil, err
	}
	for i, port := range ports {
		name := "primary"
		if i > 0 {
			name = fmt.Sprintf("replica%d", i)
		}
		p, err := r.member(name, port, i > 0, freeport.Loopback(ports[0]))
		if err != nil {
			return nil, err
		}
		r.nodes = append(r.nodes, p)
	}
	if err := startAll(r.nodes); err != nil {
		return nil, err
	}
	if err := eventually(ctx, readyLimit, "Redis's replicas follow", r.settled); err != nil {
		return nil, errors.Join(err, r.end())
	}
	return r, nil
}

// member prepares a process.
func (r *redis) member(name string, port int, replica bool, primary string) (*process, error) {
	p := newMember(r.dir, name, "redis-server", port)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return nil, err
	}
	p.args = []string{
		"--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--dir", p.dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", "always",
		"--repl-diskless-sync-delay", "0", // not to wait for more replicas before the first is served
		// Not to drop a replica that loads a large image while writes go on, which begins anew then.
		"--client-output-buffer-limit", "replica", "0", "0", "0",
	}
	if replica {
		p.args = append(p.args, "--replicaof", strings.Replace(primary, ":", " ", 1))
		if !r.keep {
			p.args = append(p.args, "--appendonly", "no")
		}
	}
	p.args = slices.Concat(p.args, r.flags)
	return p, nil
}

func (r *redis) name() string        { return "Redis" }
func (r *redis) key() string         { return "redis" }
func (r *redis) members() []*process { return r.nodes }

func (r *redis) end() error {
	defer r.ports.Release()
	return killAll(r.nodes)
}

func (r *redis) peers() map[string]bool {
	all := make(map[string]bool)
	for _, p := range r.nodes {
		all[p.address] = true // replication and clients share it
	}
	return all
}

func (r *redis) leader(ctx context.Context) (*process, error) {
	var leader *process
	err := eventually(ctx, settleLimit, "Redis has a primary that takes writes", func() (err error) {
		leader, err = r.findPrimary()
		return err
	})
	return leader, err
}

func (r *redis) findPrimary() (*process, error) {
	reason := errors.New("no member runs")
	for _, p := range r.nodes {
		if !p.running() {
			continue
		}
		fields, err := info(p.address, "replication")
		if err != nil {
			reason = err
			continue
		}
		if fields["role"] != "master" {
			reason = errors.New("no member is the primary")
			continue
		}
		if _, err := ask(p.address, "SET", "bench:ready", "yes"); err != nil { // LOADING, perhaps
			reason = err
			continue
		}
		return p, nil
	}
	if !slices.ContainsFunc(r.nodes, (*process).running) {
		return nil, finalError{r.nodes[0].endedError()}
	}
	return nil, reason
}

func (r *redis) settled() error {
	if err := eachRuns(r.nodes); err != nil {
		return err
	}
	primary, err := r.findPrimary()
	if err != nil {
		return err
	}
	fields, err := info(primary.address, "replication")
	if err != nil {
		return err
	}
	written, err := number(fields, "master_repl_offset")
	if err != nil {
		return err
	}
	for _, p := range r.nodes {
		if saving, err := bgsaveRuns(p); err != nil || saving {
			return errors.Join(err, fmt.Errorf("%s saves", p.name))
		}
		if p == primary {
			continue
		}
		if err := r.reached(p, written); err != nil {
			return err
		}
	}
	return nil
}

// reached returns an error while a replica has not taken in the stream up to an offset.
func (r *redis) reached(p *process, offset float64) error {
	fields, err := info(p.address, "replication")
	if err != nil {
		return err
	}
	if fields["master_link_status"] != "up" {
		return fmt.Errorf("%s has no link to its primary", p.name)
	}
	read, err := number(fields, "slave_repl_offset")
	if err == nil && read < offset {
		err = fmt.Errorf("%s is at %.0f of %.0f", p.name, read, offset)
	}
	return err
}

func (r *redis) failsOver() bool { return false }

// reload starts another server on a copy of what the primary saves.
func (r *redis) reload(ctx context.Context, key string) (time.Duration, error) {
	primary, err := r.leader(ctx)
	if err != nil {
		return 0, err
	}
	if _, err := askWithin(settleLimit, primary.address, "SAVE"); err != nil {
		return 0, fmt.Errorf("SAVE: %w", err)
	}
	ports, err := r.ports.Take(1)
	if err != nil {
		return 0, err
	}
	r.joined++
	p, err := r.member(fmt.Sprintf("reload%d", r.joined), ports[0], false, "")
	if err != nil {
		return 0, err
	}
	p.args = append(p.args, "--appendonly", "no")
	const image = "dump.rdb"
	if err := os.Rename(filepath.Join(primary.dir, image), filepath.Join(p.dir, image)); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := p.start(); err != nil {
		return 0, err
	}
	err = eventually(ctx, settleLimit, "Redis loads an image", func() error {
		if !p.running() {
			return finalError{p.endedError()}
		}
		got, err := ask(p.address, "GET", key)
		if err == nil && got.null {
			err = finalError{fmt.Errorf("the image has no %s", key)}
		}
		return err
	})
	took := time.Since(began)
	return took, errors.Join(err, p.kill(), os.RemoveAll(p.dir))
}

func (r *redis) transfer(ctx context.Context) error {
	primary, err := r.leader(ctx)
	if err != nil {
		return err
	}
	rest := others(r, primary)
	if len(rest) == 0 {
		return errors.New("nobody is there to fail over to")
	}
	host, port, _ := strings.Cut(rest[0].address, ":")
	if _, err := ask(primary.address, "FAILOVER", "TO", host, port); err != nil {
		return fmt.Errorf("FAILOVER: %w", err)
	}
	return eventually(ctx, changeLimit, "a failover of Redis ends", func() error {
		fields, err := info(rest[0].address, "replication")
		if err == nil && fields["role"] != "master" {
			err = fmt.Errorf("%s is a %s", rest[0].name, fields["role"])
		}
		return err
	})
}

func (r *redis) replace(ctx context.Context, lost *process) (*process, error) {
	primary, err := r.leader(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.RemoveAll(lost.dir); err != nil {
		return nil, err
	}
	ports, err := r.ports.Take(1)
	if err != nil {
		return nil, err
	}
	r.joined++
	p, err := r.member(fmt.Sprintf("joined%d", r.joined), ports[0], true, primary.address)
	if err != nil {
		return nil, err
	}
	r.nodes = append(others(r, lost), p)
	return p, p.start()
}

func (r *redis) caughtUp(member *process) error {
	if !member.running() {
		return finalError{member.endedError()}
	}
	fields, err := info(member.address, "replication")
	if err == nil && fields["master_link_status"] != "up" {
		err = fmt.Errorf("%s has no link to its primary", member.name)
	}
	return err
}
