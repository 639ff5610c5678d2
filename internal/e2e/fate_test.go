//go:build e2e || compose

package e2e

// fate is what a client knows of a write.
type fate int

const (
	done    fate = iota // acknowledged: it must be there, once
	notDone             // refused before it was proposed: it must never be there
	unknown             // either, but never twice
)

func (f fate) String() string {
	return [...]string{"done", "not done", "unknown"}[f]
}

// fateOf reads a write's reply. ok is false for an error that no correct client should ever see.
func fateOf(r reply) (f fate, ok bool) {
	if !r.isError() {
		return done, true
	}
	switch r.code() {
	case "MOVED", "CLUSTERDOWN", "TRYAGAIN", "LOADING":
		return notDone, true
	case "UNCERTAIN":
		return unknown, true
	}
	return unknown, false
}
