package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// container is a node that is a container of docker-compose.yml.
type container struct {
	id      string
	service string
	host    string // its client address on this machine
	claimed sync.Mutex
}

func (c *container) name() string   { return c.service }
func (c *container) client() string { return c.host }
func (c *container) claim() bool    { return c.claimed.TryLock() }
func (c *container) release()       { c.claimed.Unlock() }

func (c *container) docker(words ...string) error {
	_, err := command("", append(append([]string{"docker"}, words...), c.id)...)
	return err
}

func (c *container) start() error { return c.docker("start") }
func (c *container) kill() error  { return c.docker("kill") }

func (c *container) stop() error {
	if err := c.docker("stop", "--timeout", fmt.Sprint(int(stopLimit/time.Second))); err != nil {
		return err
	}
	code, err := command("", "docker", "inspect", "--format", "{{.State.ExitCode}}", c.id)
	if err == nil && code != "0" {
		err = fmt.Errorf("%s ended with exit code %s", c.service, code)
	}
	return err
}

func (c *container) freeze() error { return c.docker("pause") }

func (c *container) thaw() error {
	state, err := command("", "docker", "inspect", "--format", "{{.State.Paused}}", c.id)
	if err != nil || state != "true" {
		return err
	}
	return c.docker("unpause")
}

// link finds the container's network, which is another one after each start. That of one that does not run has no address.
func (c *container) link() link {
	out, err := command("", "docker", "inspect", "--format",
		"{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", c.id)
	fields := strings.Fields(out)
	if err != nil || len(fields) < 2 || fields[0] == "0" {
		return link{}
	}
	return link{address: fields[1], prefix: []string{"nsenter", "--net=/proc/" + fields[0] + "/ns/net"}, passing: true}
}

// relink finds the networks of containers anew.
func (a *arena) relink() {
	for i, n := range a.nodes {
		if c, ok := n.(*container); ok {
			a.links[i] = c.link()
		}
	}
}

// attach takes over the containers of a running compose cluster. The caller clears the arena, also after an error.
func attach(o options, dir string) (a *arena, err error) {
	a = &arena{options: o, dir: dir, counts: make(map[string]int), start: time.Now(), end: func() {}}
	if a.trace, err = os.Create(filepath.Join(dir, "faults.txt")); err != nil {
		return a, err
	}
	for i, id := range strings.Split(o.containers, ",") {
		a.nodes = append(a.nodes, &container{id: id, service: fmt.Sprint("node", i+1), host: fmt.Sprintf("127.0.0.1:%d", 6379+i)})
	}
	if len(a.nodes) < 2 {
		return a, errors.New("a cluster has more than one container")
	}
	a.links = make([]link, len(a.nodes))
	return a, a.prepare(map[ability]bool{canFilter: os.Geteuid() == 0})
}
