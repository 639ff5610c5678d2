//go:build e2e || compose

package e2e

import (
	"strings"
	"time"
)

// route finds the leader for one client: it stays where it is served, follows MOVED, and tries the
// nodes in turn otherwise.
type route struct {
	addresses []string
	next      int
	redirect  string // where MOVED pointed
	conn      *conn
}

// connection returns a connection to whom to ask now.
func (r *route) connection() (*conn, error) {
	if r.conn != nil {
		return r.conn, nil
	}
	address := r.redirect
	if address == "" {
		address = r.addresses[r.next%len(r.addresses)]
		r.next++
	}
	r.redirect = ""
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	r.conn = c
	return c, nil
}

// leave gives the connection up: it failed, or its node does not lead.
func (r *route) leave() {
	if r.conn != nil {
		r.conn.close()
		r.conn = nil
	}
}

// heed follows what a reply says about who leads. It reports whether the node served the command.
func (r *route) heed(answer reply) bool {
	switch answer.code() {
	case "MOVED":
		r.leave()
		if words := strings.Fields(answer.text); len(words) == 3 {
			r.redirect = words[2]
		}
		return false
	case "CLUSTERDOWN", "TRYAGAIN", "LOADING", "UNCERTAIN":
		r.leave()
		return false
	}
	return true
}

// try runs one command on whoever is asked now. Its error covers refusals as well.
func (r *route) try(timeout time.Duration, words ...string) (reply, error) {
	c, err := r.connection()
	if err != nil {
		return reply{}, err
	}
	answer, err := c.do(timeout, words...)
	if err != nil {
		r.leave()
		return reply{}, err
	}
	if !r.heed(answer) {
		return reply{}, replyError(answer)
	}
	return answer, nil
}

// replyError is a node's refusal.
type replyError reply

func (e replyError) Error() string { return e.text }
