//go:build e2e || compose

package e2e

import (
	"testing"
	"time"
)

// reader reads what a load wrote, from whoever leads.
type reader struct {
	t     testing.TB
	route route
}

const (
	// readLimit is how long a reader looks for somebody who serves it.
	readLimit = 20 * time.Second
	// readBatch is how many keys are read in one pipeline.
	readBatch = 500
)

// get returns the value of a key, "" if there is none.
func (r *reader) get(key string) string {
	r.t.Helper()
	return r.pipeline([]command{{"GET", key}})[0].text
}

// getAll returns the values of the writes' keys.
func (r *reader) getAll(writes []write) []reply {
	r.t.Helper()
	var replies []reply
	for len(writes) > 0 {
		n := min(len(writes), readBatch)
		commands := make([]command, n)
		for i, wr := range writes[:n] {
			commands[i] = command{"GET", wr.key}
		}
		replies = append(replies, r.pipeline(commands)...)
		writes = writes[n:]
	}
	return replies
}

// pipeline runs reads until one node serves all of them.
func (r *reader) pipeline(commands []command) (replies []reply) {
	r.t.Helper()
	eventually(r.t, readLimit, "reads are served", func() error {
		c, err := r.route.connection()
		if err != nil {
			return err
		}
		if replies, err = c.pipeline(readLimit, commands...); err != nil {
			r.route.leave()
			return err
		}
		for _, answer := range replies {
			if !r.route.heed(answer) {
				return replyError(answer)
			}
		}
		return nil
	})
	return replies
}
