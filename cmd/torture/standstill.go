package main

import "time"

// standstill is a time in which no entry says that time passes, so that keys which are due may still be read: there is no room for
// the log, or a leader hands over, and proposes nothing meanwhile.
type standstill struct{ from, to time.Time }

// handOverLimit is how long a leader hands over at most: node bounds it by four election timeouts.
const handOverLimit = 2 * time.Second

// standsStill notes that a standstill begins. What it returns notes when it is over.
func (a *arena) standsStill() (over func(at time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i, from := len(a.standstills), time.Now()
	a.standstills = append(a.standstills, standstill{from, from.Add(time.Hour)})
	return func(at time.Time) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.standstills[i].to = at
	}
}

// handsOver notes that a leader may begin to hand over. What it returns notes that it does so no more.
func (a *arena) handsOver() (over func()) {
	latest := time.Now().Add(handOverLimit)
	at := a.standsStill()
	return func() {
		if now := time.Now(); now.Before(latest) {
			latest = now
		}
		at(latest)
	}
}

// stoodStill returns for how long at most log time has stood still since an instant.
func (a *arena) stoodStill(since time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return together(a.standstills, since, time.Now())
}

// together returns how much of the time between two instants standstills cover, which are in the order of their beginnings and may
// lie side by side.
func together(all []standstill, since, until time.Time) (sum time.Duration) {
	for _, s := range all {
		if s.from.After(since) {
			since = s.from
		}
		if s.to.After(until) {
			s.to = until
		}
		if s.to.After(since) {
			sum += s.to.Sub(since)
			since = s.to
		}
	}
	return sum
}
