package tcpnet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"net"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// The handshake is one frame each way, of package wire, the dialler's first. Its body is a greeting:
//
//	offset  size  field
//	0       8     magic, "redoubt" and a zero byte
//	8       2     protocol version, little-endian
//
// and from there on, in version 2:
//
//	10      1     verdict: 0 welcome, 1 refused
//
//	welcome:  uvarint length and cluster id, uvarint sender, uvarint receiver,
//	          uvarint the sender's instance, uvarint length and the sender's address,
//	          uvarint length and hello
//	refused:  uvarint length and the reason, in UTF-8
//
// (Version 1 had no instance and no address.) The dialler's verdict is always welcome. After a mutual welcome the dialler sends messages and
// keepalives, and the other side nothing but one keepalive for each that it gets.
const (
	magic           = "redoubt\x00"
	protocolVersion = 2
	welcome         = 0
	refused         = 1
	// maxReasonBytes limits a refusal's reason, in bytes.
	maxReasonBytes = 512
	// maxGreetingBytes limits a greeting, in bytes: the longest hello and address, and ample room for the rest.
	maxGreetingBytes = MaxHelloBytes + core.MaxAddressBytes + 1024
)

// greeting is one side's part of a handshake.
type greeting struct {
	// refusal is the reason why the sender will not talk, or empty.
	refusal          string
	cluster          string
	sender, receiver core.NodeID
	// instance is the disk from which the sender speaks, zero if it does not tell.
	instance uint64
	// address is where the sender can be dialled, empty if it does not tell.
	address string
	hello   []byte
}

// refusalError is a reason not to talk to somebody that is worth telling them.
type refusalError string

func (r refusalError) Error() string { return string(r) }

// append appends g as a frame to dst.
func (g greeting) append(dst []byte) []byte {
	start := len(dst)
	dst = wire.BeginFrame(dst)
	dst = append(dst, magic...)
	dst = binary.LittleEndian.AppendUint16(dst, protocolVersion)
	if g.refusal != "" {
		reason := g.refusal[:min(len(g.refusal), maxReasonBytes)]
		dst = append(dst, refused)
		dst = binary.AppendUvarint(dst, uint64(len(reason)))
		dst = append(dst, reason...)
	} else {
		dst = append(dst, welcome)
		dst = binary.AppendUvarint(dst, uint64(len(g.cluster)))
		dst = append(dst, g.cluster...)
		dst = binary.AppendUvarint(dst, uint64(g.sender))
		dst = binary.AppendUvarint(dst, uint64(g.receiver))
		dst = binary.AppendUvarint(dst, g.instance)
		dst = binary.AppendUvarint(dst, uint64(len(g.address)))
		dst = append(dst, g.address...)
		dst = binary.AppendUvarint(dst, uint64(len(g.hello)))
		dst = append(dst, g.hello...)
	}
	wire.EndFrame(dst, start)
	return dst
}

// parseGreeting decodes a greeting's body. The hello aliases it. Another protocol version is a refusalError.
func parseGreeting(body []byte) (greeting, error) {
	var g greeting
	if len(body) < len(magic)+2 || string(body[:len(magic)]) != magic {
		return g, errors.New("not a redoubt node")
	}
	body = body[len(magic):]
	if version := binary.LittleEndian.Uint16(body); version != protocolVersion {
		return g, refusalError(fmt.Sprintf("protocol version %d, this node speaks %d", version, protocolVersion))
	}
	body = body[2:]
	bad := false
	number := func() uint64 {
		v, n := binary.Uvarint(body)
		if n <= 0 {
			bad, body = true, nil
			return 0
		}
		body = body[n:]
		return v
	}
	text := func(limit uint64) []byte {
		n := number()
		if n > limit || n > uint64(len(body)) {
			bad, body = true, nil
			return nil
		}
		b := body[:n:n]
		body = body[n:]
		return b
	}
	verdict := byte(0xff)
	if len(body) > 0 {
		verdict, body = body[0], body[1:]
	}
	switch verdict {
	case welcome:
		g.cluster = string(text(MaxClusterIDBytes))
		g.sender = core.NodeID(number())
		g.receiver = core.NodeID(number())
		g.instance = number()
		g.address = string(text(core.MaxAddressBytes))
		g.hello = text(MaxHelloBytes)
	case refused:
		g.refusal = string(text(maxReasonBytes))
		bad = bad || g.refusal == ""
	default:
		bad = true
	}
	if bad || len(body) > 0 {
		return g, errors.New("malformed greeting")
	}
	return g, nil
}

// check says whether to talk to the node that sent g, as a refusalError that it may be told.
// expected is who it must be, or None for anybody but this node.
func (n *Network) check(g greeting, expected core.NodeID) error {
	switch {
	case g.cluster != n.options.ClusterID:
		return refusalError(fmt.Sprintf("cluster id %q, this node's is %q", g.cluster, n.options.ClusterID))
	case g.receiver != n.options.Self:
		return refusalError(fmt.Sprintf("this is node %d, not node %d", n.options.Self, g.receiver))
	case g.sender == core.None || g.sender == n.options.Self:
		return refusalError(fmt.Sprintf("node id %d cannot be another node's", g.sender))
	case expected != core.None && g.sender != expected:
		return refusalError(fmt.Sprintf("node %d answered in the place of node %d", g.sender, expected))
	}
	return n.admits(g.sender, g.instance)
}

// admits asks Options.Admit about a node, and gives its answer as a refusalError.
func (n *Network) admits(id core.NodeID, instance uint64) error {
	if n.options.Admit != nil {
		if err := n.options.Admit(id, instance); err != nil {
			return refusalError(err.Error())
		}
	}
	return nil
}

// greet sends this node's welcome to a node.
func (n *Network) greet(conn net.Conn, receiver core.NodeID) error {
	n.mu.Lock()
	address := n.ownAddress()
	n.mu.Unlock()
	g := greeting{
		cluster: n.options.ClusterID, sender: n.options.Self, receiver: receiver,
		instance: n.options.Instance, address: address, hello: n.options.Hello,
	}
	if _, err := conn.Write(g.append(nil)); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

// readGreeting reads the other side's greeting.
func readGreeting(r *bufio.Reader) (greeting, error) {
	body, err := wire.ReadFrame(r, nil, maxGreetingBytes)
	if err != nil {
		return greeting{}, fmt.Errorf("handshake: %w", err)
	}
	g, err := parseGreeting(body)
	if err != nil {
		return g, fmt.Errorf("handshake: %w", err)
	}
	return g, nil
}

// dialHandshake introduces this node to the peer that it dialled. The caller has set a deadline.
func (n *Network) dialHandshake(conn net.Conn, r *bufio.Reader, peer core.NodeID) (hello []byte, err error) {
	if err := n.greet(conn, peer); err != nil {
		return nil, err
	}
	g, err := readGreeting(r)
	if err != nil {
		return nil, err
	}
	if g.refusal != "" {
		if n.options.OnRefused != nil {
			n.options.OnRefused(peer, g.refusal)
		}
		return nil, fmt.Errorf("handshake: refused by the peer: %q", g.refusal)
	}
	if err := n.check(g, peer); err != nil {
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return g.hello, nil
}
