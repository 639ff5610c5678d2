//go:build e2e || compose

package e2e

import (
	"testing"
	"time"
)

// pollInterval is the pause between two looks at a condition.
const pollInterval = 10 * time.Millisecond

// eventually looks until check returns nil, and fails the test when limit has passed.
func eventually(t testing.TB, limit time.Duration, promise string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v: %v", promise, limit, err)
		}
		<-time.After(pollInterval)
	}
}

// during lets the load under way go on for d.
func during(d time.Duration) { <-time.After(d) }
