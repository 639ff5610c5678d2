//go:build e2e || compose

package e2e

import (
	"testing"
	"time"
)

const (
	// writers is how many clients a load has.
	writers = 16
	// warmUp is how long a load runs before a fault, and goes on after it.
	warmUp = 700 * time.Millisecond
	// aftermath is how long a load goes on after a fault: longer than a resumption may take.
	aftermath = 3 * time.Second
	// resumeLimit is how long writes may fail after a kill, at default settings.
	resumeLimit = 2 * time.Second
)

// expectResumed stops a load and checks how long it was not served after a fault.
func expectResumed(t *testing.T, l *load, fault string, at time.Time, limit time.Duration) {
	t.Helper()
	l.halt()
	silence, ok := l.silence(at)
	if !ok {
		t.Fatalf("after %s no write succeeded any more", fault)
	}
	t.Logf("after %s: %v without an acknowledged write", fault, silence.Round(time.Millisecond))
	if silence > limit {
		t.Errorf("after %s writes resumed after %v, promised: %v", fault, silence, limit)
	}
}
