package conf

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// checkAddress accepts host:port with a port that can be connected to.
func checkAddress(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return errNotAllowed
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q is no port: a number from 1 to 65535 is needed", port)
	}
	if host == "" {
		return nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if strings.IndexFunc(host, func(r rune) bool { return !isNameRune(r) }) >= 0 {
		return fmt.Errorf("%q is no host name and no IP address", host)
	}
	return nil
}

// isWildcard reports whether the address stands for every address of the machine, which nobody can
// connect to from elsewhere.
func isWildcard(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "" || err == nil && ip.IsUnspecified()
}

// parseListeners reads listen.
func parseListeners(c *Config, text string) error {
	c.Listeners = nil
	names, addresses := map[string]bool{}, map[string]bool{}
	for i, item := range splitList(text) {
		listener := Listener{Name: fmt.Sprintf("listener%d", i+1), Listen: item}
		if name, rest, found := strings.Cut(item, "="); found {
			listener.Name, listener.Listen = name, rest
			if checkName(name) != nil {
				return fmt.Errorf("%q is no name: 1 to 64 letters, digits, dots, dashes or underscores are needed", name)
			}
		}
		listen, announce, announced := strings.Cut(listener.Listen, "@")
		listener.Listen, listener.Announce = listen, announce
		if err := checkAddress(listen); err != nil {
			return err
		}
		switch {
		case !announced && isWildcard(listen):
			_, port, _ := net.SplitHostPort(listen)
			return fmt.Errorf("clients cannot be sent to %s: add the address that they reach, %s@HOST:%s", listen, item, port)
		case !announced:
			listener.Announce = listen
		case isWildcard(announce):
			return fmt.Errorf("clients cannot be sent to %s: announce the address that they reach", announce)
		default:
			if err := checkAddress(announce); err != nil {
				return err
			}
		}
		if names[listener.Name] || addresses[listen] {
			return fmt.Errorf("%s is there twice", item)
		}
		names[listener.Name], addresses[listen] = true, true
		c.Listeners = append(c.Listeners, listener)
	}
	if len(c.Listeners) == 0 {
		return errNotAllowed
	}
	return nil
}

// formatListeners is the inverse of parseListeners, with everything that may be left out.
func formatListeners(c *Config) string {
	items := make([]string, len(c.Listeners))
	for i, l := range c.Listeners {
		items[i] = l.Listen
		if l.Announce != l.Listen {
			items[i] += "@" + l.Announce
		}
		if l.Name != fmt.Sprintf("listener%d", i+1) {
			items[i] = l.Name + "=" + items[i]
		}
	}
	return strings.Join(items, ",")
}

// parsePeerListen reads peer-listen.
func parsePeerListen(c *Config, text string) error {
	listen, announce, announced := strings.Cut(text, "@")
	if !announced {
		announce = listen
	}
	c.PeerListen, c.PeerAnnounce = listen, announce
	if err := checkAddress(listen); err != nil {
		return err
	}
	if announced && isWildcard(announce) {
		return fmt.Errorf("peers cannot connect to %s: announce the address that they reach", announce)
	}
	return checkAddress(announce)
}

func formatPeerListen(c *Config) string {
	if c.PeerAnnounce != c.PeerListen {
		return c.PeerListen + "@" + c.PeerAnnounce
	}
	return c.PeerListen
}

// parseJoin reads join.
func parseJoin(c *Config, text string) error {
	c.Join = splitList(text)
	for _, address := range c.Join {
		if err := checkAddress(address); err != nil {
			return err
		}
		if isWildcard(address) {
			return fmt.Errorf("%s is no member's address: write the address that clients reach", address)
		}
	}
	return nil
}

// parsePeers reads peers. No peers at all stand for the node alone; resolvePeers fills it in.
func parsePeers(c *Config, text string) error {
	c.Peers = nil
	ids, addresses := map[uint64]bool{}, map[string]bool{}
	for _, item := range splitList(text) {
		number, address, found := strings.Cut(item, "=")
		id, err := strconv.ParseUint(number, 10, 63)
		if !found || err != nil || id == 0 {
			return errNotAllowed
		}
		if err := checkAddress(address); err != nil {
			return err
		}
		if isWildcard(address) {
			return fmt.Errorf("peers cannot connect to %s: write the address that they reach", address)
		}
		if ids[id] || addresses[address] {
			return fmt.Errorf("%s is there twice", item)
		}
		ids[id], addresses[address] = true, true
		c.Peers = append(c.Peers, Peer{ID: id, Address: address})
	}
	slices.SortFunc(c.Peers, func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

func formatPeers(c *Config) string {
	items := make([]string, len(c.Peers))
	for i, p := range c.Peers {
		items[i] = fmt.Sprintf("%d=%s", p.ID, p.Address)
	}
	return strings.Join(items, ",")
}
