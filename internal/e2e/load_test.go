//go:build e2e || compose

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// load is a set of concurrent writers that remember what became of each write.
type load struct {
	t         testing.TB
	name      string // the prefix of its keys
	addresses []string
	stop      chan struct{}
	running   sync.WaitGroup
	writers   []*writer
}

// writer is one client of a load: one pipeline at a time, each with a token that no other write carries.
type writer struct {
	load    *load
	id      int
	journal string // its list of tokens, written by APPEND
	route   route
	keys    []write
	tokens  []write
	acks    []ack
	faults  []string // broken promises, in words
	crossed int      // replies that belong to somebody else
}

// write is one command that a writer sent.
type write struct {
	key, token string
	fate       fate
	length     int64 // an acknowledged APPEND's reply
}

// ack is the time of an acknowledged write.
type ack struct {
	sent, received time.Time
}

const (
	// roundTimeout is how long a writer waits for a node that does not answer.
	roundTimeout = time.Second
	// retryPause is how long a writer waits when nobody serves it.
	retryPause = 5 * time.Millisecond
	// faultsMax is how many broken promises each writer remembers.
	faultsMax = 5
	// writersPerJournal writers append to the same key.
	writersPerJournal = 4
)

// startLoad starts writers against the nodes at the given addresses.
func startLoad(t testing.TB, name string, addresses []string, writers int) *load {
	l := &load{t: t, name: name, addresses: addresses, stop: make(chan struct{})}
	for i := range writers {
		w := &writer{
			load:    l,
			id:      i,
			journal: fmt.Sprintf("%s:journal:%d", name, i/writersPerJournal),
			route:   route{addresses: addresses, next: i},
		}
		l.writers = append(l.writers, w)
		l.running.Go(w.run)
	}
	t.Cleanup(l.halt)
	return l
}

// halt stops the writers and waits for them.
func (l *load) halt() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.running.Wait()
}

// run writes until the load stops.
func (w *writer) run() {
	defer w.route.leave()
	for n := 0; ; n++ {
		pause := 2 * time.Millisecond // leaves the machine some room for elections
		if !w.round(n) {
			pause = retryPause
		}
		select {
		case <-w.load.stop:
			return
		case <-time.After(pause):
		}
	}
}

// round sends one pipeline and judges its replies. It reports whether the node served it.
func (w *writer) round(n int) bool {
	c, err := w.route.connection()
	if err != nil {
		return false
	}
	token := fmt.Sprintf("%d.%d;", w.id, n)
	key := fmt.Sprintf("%s:key:%d:%d", w.load.name, w.id, n)
	sent := time.Now()
	replies, err := c.pipeline(roundTimeout,
		command{"ECHO", token}, command{"SET", key, token}, command{"GET", key},
		command{"APPEND", w.journal, token})
	served := err == nil
	if err != nil {
		w.route.leave()
	}
	received := time.Now()
	set := write{key: key, token: token, fate: unknown}
	journal := write{key: w.journal, token: token, fate: unknown}
	if len(replies) > 0 && replies[0].text != token {
		w.crossed++
		w.fault("ECHO %q answered %v", token, replies[0])
	}
	if len(replies) > 1 {
		served = w.judge(&set, replies[1]) && served
	}
	if len(replies) > 2 {
		w.judgeRead(set, replies[2])
	}
	if len(replies) > 3 {
		served = w.judge(&journal, replies[3]) && served
		journal.length = replies[3].number
	}
	w.keys, w.tokens = append(w.keys, set), append(w.tokens, journal)
	if set.fate == done || journal.fate == done {
		w.acks = append(w.acks, ack{sent, received})
	}
	return served
}

// judge notes a write's fate and reports whether the node served it.
func (w *writer) judge(of *write, answer reply) bool {
	f, ok := fateOf(answer)
	of.fate = f
	if !ok {
		w.fault("writing %q to %s answered %v", of.token, of.key, answer)
	}
	return w.route.heed(answer)
}

// judgeRead checks the read that followed a write in the same pipeline.
func (w *writer) judgeRead(set write, answer reply) {
	switch {
	case answer.isError():
		if _, ok := fateOf(answer); !ok {
			w.fault("reading %s answered %v", set.key, answer)
		}
	case set.fate == done && answer.text != set.token:
		w.crossed++
		w.fault("%s was set to %q, and read in the same pipeline as %v", set.key, set.token, answer)
	case set.fate == notDone && !answer.null:
		w.fault("%s was not set, and read in the same pipeline as %v", set.key, answer)
	}
}

func (w *writer) fault(format string, args ...any) {
	if len(w.faults) < faultsMax {
		w.faults = append(w.faults, fmt.Sprintf("writer %d: ", w.id)+fmt.Sprintf(format, args...))
	}
}

// summary says how many writes ended how.
func (l *load) summary() string {
	var counts [3]int
	for _, w := range l.writers {
		for _, wr := range slices.Concat(w.keys, w.tokens) {
			counts[wr.fate]++
		}
	}
	return fmt.Sprintf("%d writes acknowledged, %d refused, %d unknown", counts[done], counts[notDone], counts[unknown])
}

// silence returns the longest time without an acknowledged write that began after the given moment; only writes that
// were sent after it count as the end of the silence. ok is false if no write succeeded after it.
func (l *load) silence(after time.Time) (longest time.Duration, ok bool) {
	var times []time.Time
	for _, w := range l.writers {
		for _, a := range w.acks {
			if a.sent.After(after) {
				times = append(times, a.received)
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	last := after
	for _, at := range times {
		longest = max(longest, at.Sub(last))
		last = at
	}
	return longest, len(times) > 0
}

// verify stops the load and compares the cluster with what the writers know.
func (l *load) verify() {
	l.t.Helper()
	l.halt()
	l.t.Logf("load %s: %s", l.name, l.summary())
	for _, w := range l.writers {
		for _, fault := range w.faults {
			l.t.Errorf("%s", fault)
		}
	}
	reader := &reader{t: l.t, route: route{addresses: l.addresses}}
	defer reader.route.leave()
	acknowledged := 0
	for _, w := range l.writers {
		acknowledged += w.verifyKeys(reader)
	}
	if acknowledged == 0 {
		l.t.Fatal("no write was acknowledged: the load shows nothing")
	}
	journals := make(map[string][]*writer)
	for _, w := range l.writers {
		journals[w.journal] = append(journals[w.journal], w)
	}
	for journal, writers := range journals {
		verifyJournal(l.t, journal, reader.get(journal), writers)
	}
}

// verifyKeys checks the keys of one writer and returns how many were acknowledged.
func (w *writer) verifyKeys(from *reader) (acknowledged int) {
	t := w.load.t
	values := from.getAll(w.keys)
	for i, wr := range w.keys {
		value, found := values[i].text, !values[i].null
		switch {
		case wr.fate == done && value != wr.token:
			t.Errorf("%s was acknowledged as %q and is now %v", wr.key, wr.token, values[i])
		case wr.fate == notDone && found:
			t.Errorf("%s was refused and is now %v", wr.key, values[i])
		case found && value != wr.token:
			t.Errorf("%s was only ever set to %q and is now %v", wr.key, wr.token, values[i])
		}
		if wr.fate == done {
			acknowledged++
		}
	}
	return acknowledged
}

// verifyJournal checks a key to which several writers appended tokens.
func verifyJournal(t testing.TB, key, value string, writers []*writer) {
	t.Helper()
	ends := make(map[string][]int64) // where each token ends
	end := int64(0)
	for token := range strings.SplitAfterSeq(value, ";") {
		end += int64(len(token))
		if token != "" {
			ends[token] = append(ends[token], end)
		}
	}
	for _, w := range writers {
		for _, wr := range w.tokens {
			found := ends[wr.token]
			delete(ends, wr.token)
			switch {
			case len(found) > 1:
				t.Errorf("%s: %q (%v) was appended %d times", key, wr.token, wr.fate, len(found))
			case wr.fate == notDone && len(found) > 0:
				t.Errorf("%s: %q was refused and is there", key, wr.token)
			case wr.fate == done && len(found) == 0:
				t.Errorf("%s: %q was acknowledged and is not there", key, wr.token)
			case wr.fate == done && found[0] != wr.length:
				t.Errorf("%s: %q ends at %d; its reply said %d", key, wr.token, found[0], wr.length)
			}
		}
	}
	for token := range ends {
		t.Errorf("%s holds %q, which nobody appended", key, token)
	}
}
