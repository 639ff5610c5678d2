package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// load describes what our own generator sends, where redis-benchmark cannot: mixed commands, a given rate, phases.
type load struct {
	address     string
	connections int
	pipeline    int
	reads       float64 // the share of GETs, from 0 to 1; the others are SETs
	valueBytes  int
	keys        int           // drawn at random from so many
	requests    int           // in all; 0: until it is stopped
	rate        float64       // requests a second in all; 0: as fast as replies come
	limit       time.Duration // for one reply; 0: replyLimit
}

// replyLimit is how long the generator waits for a reply before it gives up.
const replyLimit = 30 * time.Second

// tally is what came of a load, or of one of its phases.
type tally struct {
	all, gets, sets histogram
	elapsed         time.Duration
}

// rate is the number of requests a second.
func (t *tally) rate() float64 { return perSecond(t.all.total, t.elapsed) }

func perSecond(n uint64, elapsed time.Duration) float64 {
	if elapsed <= 0 {
		return 0
	}
	return float64(n) / elapsed.Seconds()
}

// maxPhases is how many phases a load can have: before something, while it is waited for, during and after it.
const maxPhases = 4

// running is a load under way. What it measures is counted apart for each phase.
type running struct {
	load    load
	phase   atomic.Int32
	left    atomic.Int64 // requests that may still be sent
	stop    context.CancelCauseFunc
	ctx     context.Context
	done    sync.WaitGroup
	workers []*worker
	changes []time.Time // when each phase began, and the end
}

// run sends the whole load and returns what came of it.
func (l load) run(ctx context.Context) (*tally, error) {
	r, err := l.start(ctx)
	if err != nil {
		return nil, err
	}
	r.done.Wait()
	tallies, err := r.finish()
	if err != nil {
		return nil, err
	}
	return tallies[0], nil
}

// start opens the connections and begins to send.
func (l load) start(ctx context.Context) (*running, error) {
	if l.limit == 0 {
		l.limit = replyLimit
	}
	r := &running{load: l}
	r.ctx, r.stop = context.WithCancelCause(ctx)
	r.left.Store(int64(l.requests))
	for i := range l.connections {
		w, err := newWorker(r, i)
		if err != nil {
			r.close()
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	r.changes = append(r.changes, time.Now())
	for _, w := range r.workers {
		r.done.Go(w.run)
	}
	return r, nil
}

// next begins the next phase.
func (r *running) next() {
	if len(r.changes) >= maxPhases {
		panic("BUG: bench: a load with too many phases")
	}
	r.changes = append(r.changes, time.Now())
	r.phase.Add(1)
}

// orElse returns why the load has ended, for which waiting is no cure, or else the given error.
func (r *running) orElse(err error) error {
	if cause := context.Cause(r.ctx); cause != nil {
		return finalError{cause}
	}
	return err
}

// errFinished is why a load that was told to end has ended.
var errFinished = errors.New("finished")

// finish stops the load and returns what came of each phase.
func (r *running) finish() ([]*tally, error) {
	r.stop(errFinished)
	r.done.Wait()
	ended := time.Now()
	r.close()
	if cause := context.Cause(r.ctx); !errors.Is(cause, errFinished) {
		return nil, cause
	}
	tallies := make([]*tally, len(r.changes))
	r.changes = append(r.changes, ended)
	for i := range tallies {
		t := &tally{elapsed: r.changes[i+1].Sub(r.changes[i])}
		for _, w := range r.workers {
			if phase := w.phases[i]; phase != nil {
				t.gets.add(&phase.gets)
				t.sets.add(&phase.sets)
			}
		}
		t.all.add(&t.gets)
		t.all.add(&t.sets)
		tallies[i] = t
	}
	return tallies, nil
}

func (r *running) close() {
	for _, w := range r.workers {
		_ = w.conn.Close()
	}
}

// worker is one connection of a load.
type worker struct {
	of     *running
	conn   net.Conn
	reader *bufio.Reader
	random *rand.Rand
	get    []byte // commands in wire form, whose key is written over
	set    []byte
	out    []byte
	isGet  []bool // of the commands under way
	phases [maxPhases]*tally
}

func newWorker(r *running, number int) (*worker, error) {
	conn, err := net.DialTimeout("tcp", r.load.address, dialLimit)
	if err != nil {
		return nil, err
	}
	value := bytes.Repeat([]byte("x"), r.load.valueBytes)
	return &worker{
		of: r, conn: conn, reader: bufio.NewReaderSize(conn, 64<<10), random: rand.New(rand.NewPCG(1, uint64(number))),
		get: appendCommand(nil, "GET", keyOf(0)), set: appendCommand(nil, "SET", keyOf(0), string(value)),
		isGet: make([]bool, 0, r.load.pipeline),
	}, nil
}

const (
	keyDigits = 12
	// keyAt is where the digits of the key stand in a command: after "*2\r\n$3\r\nGET\r\n$16\r\nkey:".
	keyAt = len("*2\r\n$3\r\nGET\r\n$16\r\nkey:")
)

// keyOf is a key of 16 bytes.
func keyOf(n int) string { return fmt.Sprintf("key:%0*d", keyDigits, n) }

// putKey writes the digits of a key over those of a command.
func putKey(command []byte, n int) {
	for i := keyAt + keyDigits - 1; i >= keyAt; i-- {
		command[i] = byte('0' + n%10)
		n /= 10
	}
}

// run sends pipelines until the load ends, and ends the load if one fails.
func (w *worker) run() {
	schedule := newSchedule(w.of.load)
	deadline := time.Time{}
	for w.of.ctx.Err() == nil {
		n := w.take()
		if n == 0 {
			return
		}
		sent, ok := schedule.wait(w.of.ctx, n)
		if !ok {
			return
		}
		// A deadline costs as much as a short system call: it is moved seldom.
		if now := time.Now(); deadline.Sub(now) < w.of.load.limit/2 {
			deadline = now.Add(w.of.load.limit)
			_ = w.conn.SetDeadline(deadline)
		}
		if err := w.pipeline(n, sent); err != nil {
			w.of.stop(fmt.Errorf("the load on %s: %w", w.of.load.address, err))
			return
		}
	}
}

// take returns how many commands the next pipeline has.
func (w *worker) take() int {
	want := int64(w.of.load.pipeline)
	if w.of.load.requests == 0 {
		return int(want)
	}
	left := w.of.left.Add(-want) + want
	return int(max(0, min(left, want)))
}

// pipeline sends n commands and takes their replies in.
func (w *worker) pipeline(n int, sent time.Time) error {
	w.out, w.isGet = w.out[:0], w.isGet[:0]
	for range n {
		isGet := w.random.Float64() < w.of.load.reads
		command := w.set
		if isGet {
			command = w.get
		}
		putKey(command, w.random.IntN(w.of.load.keys))
		w.out, w.isGet = append(w.out, command...), append(w.isGet, isGet)
	}
	if _, err := w.conn.Write(w.out); err != nil {
		return err
	}
	for _, isGet := range w.isGet {
		if err := skipReply(w.reader); err != nil {
			return err
		}
		w.record(isGet, time.Since(sent))
	}
	return nil
}

func (w *worker) record(isGet bool, took time.Duration) {
	phase := &w.phases[w.of.phase.Load()]
	if *phase == nil {
		*phase = new(tally)
	}
	if isGet {
		(*phase).gets.record(took)
	} else {
		(*phase).sets.record(took)
	}
}

// skipReply passes over a status, an integer or a string; an error is returned.
func skipReply(from *bufio.Reader) error {
	line, err := from.ReadSlice('\n')
	if err != nil {
		return err
	}
	switch line[0] {
	case '+', ':':
		return nil
	case '$':
		n, err := strconv.Atoi(string(bytes.TrimRight(line[1:], "\r\n")))
		if err != nil {
			return err
		}
		if n >= 0 {
			_, err = from.Discard(n + len("\r\n"))
		}
		return err
	case '-':
		return serverError(bytes.TrimSpace(line[1:]))
	}
	return fmt.Errorf("not a reply to GET or SET: %.40q", line)
}

// schedule says when the pipelines of one connection are due. Latency counts from then, not from when a slow reply let
// the pipeline be sent.
type schedule struct {
	due      time.Time
	interval time.Duration // for one command; 0: send at once
}

func newSchedule(l load) *schedule {
	s := &schedule{due: time.Now()}
	if l.rate > 0 {
		s.interval = time.Duration(float64(l.connections) / l.rate * float64(time.Second))
		s.due = s.due.Add(time.Duration(rand.Float64() * float64(s.interval) * float64(l.pipeline)))
	}
	return s
}

// wait waits until a pipeline of n commands is due and returns that time, or false if the load has ended.
func (s *schedule) wait(ctx context.Context, n int) (time.Time, bool) {
	if s.interval == 0 {
		return time.Now(), true
	}
	due := s.due
	s.due = s.due.Add(time.Duration(n) * s.interval)
	if early := time.Until(due); early > 0 {
		select {
		case <-ctx.Done():
			return due, false
		case <-time.After(early):
		}
	}
	return due, true
}
