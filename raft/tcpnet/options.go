package tcpnet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"redoubt/raft/core"
	"redoubt/raft/wire"
)

// Limits that are not options.
const (
	// MaxHelloBytes is the longest Options.Hello, in bytes.
	MaxHelloBytes = 16 << 10
	// MaxClusterIDBytes is the longest Options.ClusterID, in bytes.
	MaxClusterIDBytes = 255
	// maxPending is how many accepted connections may be without a finished handshake. One more
	// closes the oldest, so that idle strangers cannot keep a peer out.
	maxPending = 64
)

// Options describe one node's end of the network. Self, ClusterID and one of Listener and Listen
// are required; a zero value elsewhere means the default.
type Options struct {
	// Self is this node.
	Self core.NodeID
	// ClusterID names the cluster, in 1 to MaxClusterIDBytes bytes: nodes of another one are
	// refused. It guards against mistakes, not against attackers; see the package comment.
	ClusterID string
	// Instance names the disk from which this node speaks; the peers are told. Zero: disks are not told apart.
	Instance uint64
	// Listener accepts the peers' connections. The network owns it from a successful New on.
	Listener net.Listener
	// Listen is the TCP address to listen on where Listener is nil, such as "0.0.0.0:7000".
	Listen string
	// Peers are the addresses to dial, by node. Self's is not dialled but told to the peers, so that one that does not
	// know of this node yet can answer it. SetPeers and SetMembers change them later.
	Peers map[core.NodeID]string
	// Hello is opaque to the network, at most MaxHelloBytes, and told to every peer in the handshake.
	Hello []byte
	// OnHello is called with a peer's Hello after each handshake, whichever side dialled, and before
	// a message of that connection is delivered. The callee may keep the slice. Calls may be
	// concurrent, and must return soon. Nil means that nobody wants to know.
	OnHello func(id core.NodeID, hello []byte)
	// Admit is asked about every node in a handshake, whichever side dialled, and with each ping of a node that dialled:
	// an error refuses the connection, or ends it, and a node that dials is told its text. Calls may be
	// concurrent, and must return soon. Nil admits everybody.
	Admit func(id core.NodeID, instance uint64) error
	// OnRefused is called when a peer refuses a connection of this node, with the reason that it gave. Calls may be
	// concurrent, come with every attempt, and must return soon. Nil means that nobody wants to know.
	OnRefused func(id core.NodeID, reason string)
	// RemovedGrace is how long the connections of a node last after SetMembers has left it out. Default 5 s.
	RemovedGrace time.Duration
	// MaxFrameBytes limits the body of a frame, sent or received. Default 64 MiB. It must be the
	// same, or growing, across the cluster: a longer frame closes the receiver's connection.
	MaxFrameBytes int
	// QueueBytes and QueueMessages limit what waits for one peer, in frame bytes and in messages,
	// counting what is being written. A message that does not fit is dropped, save that an empty
	// queue takes any one message within MaxFrameBytes. Defaults 64 MiB and 16384.
	QueueBytes    int
	QueueMessages int
	// MaxAccepted limits the nodes that may be connected to this one. Default 64.
	MaxAccepted int
	// DialTimeout limits a dial. Default 2 s.
	DialTimeout time.Duration
	// HandshakeTimeout limits a handshake, from the connection's first instant. Default 3 s.
	HandshakeTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause between dials of a peer, which doubles from one to
	// the other and is drawn from its upper half. Defaults 50 ms and 1 s.
	BackoffMin, BackoffMax time.Duration
	// WriteTimeout limits the writing of each piece of at most 1 MiB. Default 5 s.
	WriteTimeout time.Duration
	// PingInterval is how often a dialler asks for a sign of life. Default 1 s.
	PingInterval time.Duration
	// IdleTimeout is how long either end waits for one before it gives the connection up, at least
	// twice every node's PingInterval. Default 4 s.
	IdleTimeout time.Duration
	// Logger gets connections made, lost and refused. Nil means none.
	Logger *slog.Logger
	// Dial replaces a TCP dial, for TLS or a test. It must observe ctx, which carries DialTimeout.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// checkRequired returns what is wrong with the options that have no default.
func (o *Options) checkRequired() error {
	switch {
	case o.Self == core.None:
		return errors.New("tcpnet: Self is no node")
	case o.ClusterID == "" || len(o.ClusterID) > MaxClusterIDBytes:
		return fmt.Errorf("tcpnet: a cluster id of %d bytes, want 1 to %d", len(o.ClusterID), MaxClusterIDBytes)
	case len(o.Hello) > MaxHelloBytes:
		return fmt.Errorf("tcpnet: a hello of %d bytes, limit %d", len(o.Hello), MaxHelloBytes)
	case o.Listener == nil && o.Listen == "":
		return errors.New("tcpnet: neither a Listener nor an address to Listen on")
	}
	return nil
}

// withDefaults returns o with its defaults filled in, or what is wrong with it.
func (o Options) withDefaults() (Options, error) {
	if err := o.checkRequired(); err != nil {
		return o, err
	}
	for _, limit := range []struct {
		name     string
		value    *int
		standard int
	}{
		{"MaxFrameBytes", &o.MaxFrameBytes, 64 << 20},
		{"QueueBytes", &o.QueueBytes, 64 << 20},
		{"QueueMessages", &o.QueueMessages, 1 << 14},
		{"MaxAccepted", &o.MaxAccepted, 64},
	} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
		if *limit.value < 0 {
			return o, fmt.Errorf("tcpnet: %s is %d, want a positive number", limit.name, *limit.value)
		}
	}
	// A frame's length field has 32 bits; half of that fits an int on every machine.
	if o.MaxFrameBytes > 1<<31-1-wire.HeaderBytes {
		return o, fmt.Errorf("tcpnet: MaxFrameBytes is %d, limit %d", o.MaxFrameBytes, 1<<31-1-wire.HeaderBytes)
	}
	for _, limit := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"RemovedGrace", &o.RemovedGrace, 5 * time.Second},
		{"DialTimeout", &o.DialTimeout, 2 * time.Second},
		{"HandshakeTimeout", &o.HandshakeTimeout, 3 * time.Second},
		{"BackoffMin", &o.BackoffMin, 50 * time.Millisecond},
		{"BackoffMax", &o.BackoffMax, max(time.Second, o.BackoffMin)},
		{"WriteTimeout", &o.WriteTimeout, 5 * time.Second},
		{"PingInterval", &o.PingInterval, time.Second},
		{"IdleTimeout", &o.IdleTimeout, max(4*time.Second, 4*o.PingInterval)},
	} {
		if *limit.value == 0 {
			*limit.value = limit.standard
		}
		if *limit.value < 0 {
			return o, fmt.Errorf("tcpnet: %s is %v, want a positive time", limit.name, *limit.value)
		}
	}
	if o.BackoffMin > o.BackoffMax {
		return o, fmt.Errorf("tcpnet: BackoffMin is %v, longer than BackoffMax, %v", o.BackoffMin, o.BackoffMax)
	}
	// Otherwise a quiet, healthy connection would be given up between two pings.
	if o.IdleTimeout < 2*o.PingInterval {
		return o, fmt.Errorf("tcpnet: IdleTimeout is %v, want at least twice PingInterval, %v", o.IdleTimeout, o.PingInterval)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		}
	}
	return o, nil
}
