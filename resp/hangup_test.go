package resp

import (
	"net"
	"testing"
)

func TestClientThatLeavesEndsItsWait(t *testing.T) {
	leave := map[string]func(*client){
		"closes":            func(c *client) { c.Close() },
		"resets":            func(c *client) { c.Conn.(*net.TCPConn).SetLinger(0); c.Close() },
		"closes its sender": func(c *client) { c.Conn.(*net.TCPConn).CloseWrite() },
	}
	for name, leave := range leave {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			begun := make(chan struct{})
			s.replica.waitReplicas = func(cancel <-chan struct{}) { close(begun); <-cancel }
			c := s.dial(t)
			// What is left unread must not hide the end behind it.
			c.send(encode("WAIT", "9", "0") + encode("PING"))
			<-begun
			leave(c)
			eventually(t, "a connection without a client stops waiting", func() bool { return len(s.clients.all()) == 0 })
		})
	}
}

func TestClientThatStaysGetsItsReply(t *testing.T) {
	s := start(t, nil)
	begun, end := make(chan struct{}), make(chan struct{})
	s.replica.waitReplicas = func(<-chan struct{}) { close(begun); <-end }
	c := s.dial(t)
	c.send(encode("WAIT", "2", "0") + encode("PING"))
	<-begun
	for range 3 {
		s.tendConns(s.now())
	}
	close(end)
	if got := c.reply(); got != int64(2) {
		t.Errorf("WAIT replied %v, want 2", got)
	}
	if got := c.reply(); got != "PONG" {
		t.Errorf("PING after it replied %v, want PONG", got)
	}
}
