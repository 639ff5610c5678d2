package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// fabric is a network of namespaces: one for each node, and one for the bridge that joins them, so that the packet filter of the host
// does not see what they say to each other. This process reaches the bridge by a link of its own.
//
//	host ---- bridge -+- node 1
//	                  +- node 2
//	                  +- ...
type fabric struct {
	tag    string // begins the names of all that is made
	subnet string // the first three numbers of the addresses
	undo   []func() error
}

const tagPrefix = "rdt"

// newFabric makes the bridge and the host's way to it. On an error, the caller destroys what there is.
func newFabric() (*fabric, error) {
	f := &fabric{tag: fmt.Sprint(tagPrefix, os.Getpid())}
	var err error
	if f.subnet, err = freeSubnet(); err != nil {
		return f, err
	}
	bridge := f.tag + "-b"
	if err := f.namespace(bridge); err != nil {
		return f, err
	}
	steps := [][]string{
		{"ip", "-n", bridge, "link", "add", "bridge", "type", "bridge"},
		{"ip", "-n", bridge, "link", "set", "bridge", "up"},
		{"ip", "link", "add", f.tag, "type", "veth", "peer", "name", "host", "netns", bridge},
		{"ip", "-n", bridge, "link", "set", "host", "master", "bridge", "up"},
		{"ip", "address", "add", f.subnet + ".1/24", "dev", f.tag},
		{"ip", "link", "set", f.tag, "up"},
	}
	return f, f.run(steps)
}

// attach makes the namespace of a node and links it to the bridge.
func (f *fabric) attach(number int) (link, error) {
	name, port := fmt.Sprintf("%s-%d", f.tag, number), fmt.Sprint("n", number)
	if err := f.namespace(name); err != nil {
		return link{}, err
	}
	l := link{address: fmt.Sprintf("%s.%d", f.subnet, 10+number), prefix: []string{"ip", "netns", "exec", name}}
	return l, f.run([][]string{
		{"ip", "-n", name, "link", "set", "lo", "up"},
		{"ip", "-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", f.tag + "-b"},
		{"ip", "-n", f.tag + "-b", "link", "set", port, "master", "bridge", "up"},
		{"ip", "-n", name, "address", "add", l.address + "/24", "dev", "eth0"},
		{"ip", "-n", name, "link", "set", "eth0", "up"},
	})
}

func (f *fabric) namespace(name string) error {
	if _, err := command("", "ip", "netns", "add", name); err != nil {
		return err
	}
	f.undo = append(f.undo, func() error { _, err := command("", "ip", "netns", "delete", name); return err })
	return nil
}

func (f *fabric) run(steps [][]string) error {
	for _, step := range steps {
		if _, err := command("", step...); err != nil {
			return err
		}
	}
	return nil
}

// destroy takes everything away. The links go with their namespaces.
func (f *fabric) destroy() error {
	var errs []error
	for _, undo := range f.undo {
		errs = append(errs, undo())
	}
	f.undo = nil
	return errors.Join(errs...)
}

// freeSubnet finds a network that this machine has no address in.
func freeSubnet() (string, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return "", err
	}
	for i := range 256 {
		subnet := fmt.Sprintf("10.%d.%d", 200+i%50, (os.Getpid()+i)%256)
		taken := false
		for _, address := range addresses {
			if network, ok := address.(*net.IPNet); ok && network.Contains(net.ParseIP(subnet+".1")) {
				taken = true
			}
		}
		if !taken {
			return subnet, nil
		}
	}
	return "", errors.New("no free network was found in 10.0.0.0/8")
}

// sweep removes the namespaces of runs whose process is gone: they were killed before they could.
func sweep() error {
	out, err := command("", "ip", "netns", "list")
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(out) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, tagPrefix)
		digits, _, dashed := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(digits)
		if !ours || !dashed || err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		_, err = command("", "ip", "netns", "delete", name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
