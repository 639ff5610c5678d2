package resp

import (
	"errors"
	"net"
	"time"
)

// Pauses between attempts to accept when the system refuses (no file descriptor left, no memory).
const (
	acceptPauseMin = 5 * time.Millisecond
	acceptPauseMax = time.Second
)

// accept takes the connections of one listener until the server stops. An error of the system does not
// end it: descriptors run out and come back.
func (s *Server) accept(listener int) {
	l := &s.opts.Listeners[listener]
	var pause time.Duration
	for {
		nc, err := l.Accept()
		if err == nil {
			pause = 0
			s.admit(nc, listener)
			continue
		}
		if s.isClosing() {
			return
		}
		if errors.Is(err, net.ErrClosed) {
			s.log.Error("resp: the listener was closed by someone else", "listener", l.Name, "error", err)
			return
		}
		if pause == 0 {
			pause = acceptPauseMin
			s.log.Warn("resp: cannot accept a connection, will try again", "listener", l.Name, "error", err)
		} else {
			pause = min(2*pause, acceptPauseMax)
		}
		timer := time.NewTimer(pause)
		select {
		case <-s.lifetime.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// admit starts a connection, or turns it away.
func (s *Server) admit(nc net.Conn, listener int) {
	c := newConn(s, nc, listener)
	s.host(c)
	switch err := s.clients.add(c, s.settings.maxClients.Load()); err {
	case nil:
	case errTooManyClients:
		s.stats.rejected.Add(1)
		// The socket's buffer is empty, so this does not block for long, whoever the client is.
		nc.SetWriteDeadline(time.Now().Add(time.Second))
		nc.Write([]byte("-ERR max number of clients reached\r\n"))
		c.cut()
		return
	default:
		c.cut()
		return
	}
	s.stats.accepted.Add(1)
	if tcp, ok := nc.(*net.TCPConn); ok {
		idle := time.Duration(s.settings.keepAlive.Load()) * time.Second
		// Three probes in the time of one wait, as Redis sets it.
		tcp.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable: idle > 0, Idle: idle, Interval: max(idle/3, time.Second), Count: 3,
		})
	}
	if c.hosted == nil {
		go c.serve()
		return
	}
	c.reactor.serve(c)
}
