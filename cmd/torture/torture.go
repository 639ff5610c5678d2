package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"redoubt/clerk"
	"redoubt/internal/lin"
)

const (
	// readyLimit is how long a cluster may take from its start until it takes writes.
	readyLimit = time.Minute
	// settleLimit is how long a cluster may take to recover when nothing harms it any more.
	settleLimit = time.Minute
	// againLimit bounds the last reading of all that was acknowledged.
	againLimit = 10 * time.Minute
)

// silent is a logger of the client library.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// torture makes a cluster, harms it, and judges it.
func torture(ctx context.Context, o options) (code int, err error) {
	redis.SetLogger(silent{})
	dir, err := directory(o.dir)
	if err != nil {
		return 2, err
	}
	a, err := surround(o, dir)
	defer func() {
		keep := o.keep || code != 0 && len(a.nodes) > 0
		err = errors.Join(err, a.clear(keep))
		if !keep {
			err = errors.Join(err, os.RemoveAll(dir))
		} else {
			fmt.Println("kept:", dir)
		}
	}()
	if err != nil {
		return 2, err
	}
	fmt.Printf("seed %d, %d nodes, %v, %d kinds of faults, in %s\n", o.seed, len(a.nodes), o.duration, len(a.faults), dir)
	return a.play(ctx)
}

// directory makes the directory of a run.
func directory(name string) (string, error) {
	if name == "" {
		return os.MkdirTemp("", "redoubt-torture-")
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		return "", err
	}
	return filepath.Abs(name)
}

// surround builds a local cluster, or takes over that of containers. The arena is never nil.
func surround(o options, dir string) (*arena, error) {
	if o.containers != "" {
		return attach(o, dir)
	}
	binary := o.binary
	if binary == "" {
		binary = filepath.Join(dir, "redoubt")
		words := []string{"go", "build", "-o", binary}
		if o.race {
			words = append(words, "-race")
		}
		if _, err := command("", append(words, "redoubt/cmd/redoubt")...); err != nil {
			return &arena{}, err
		}
	}
	binary, err := filepath.Abs(binary)
	if err != nil {
		return &arena{}, err
	}
	return build(o, dir, binary)
}

// session is the clients of a run and what judges them.
type session struct {
	clerk    *clerk.Clerk
	board    *board
	verifier *verifier
	tally    *tally
	workers  []*worker
	began    time.Time
}

func (s *session) clock() int64 { return time.Since(s.began).Nanoseconds() }

// newSession makes the clients, which do not work yet.
func (a *arena) newSession() (*session, error) {
	addresses := a.addressesBut(-1)
	shared, err := clerk.New(addresses, clerk.Options{AttemptTimeout: roundLimit})
	if err != nil {
		return nil, err
	}
	s := &session{clerk: shared, began: time.Now()}
	s.tally = &tally{start: s.began}
	s.verifier = newVerifier(shared, s.clock, a.stoodStill, a.violate, a.puzzle)
	s.board = newBoard(profiles(), func(g *group) { s.verifier.queue <- g })
	for _, k := range kinds() {
		for i := range k.count {
			id := len(s.workers) + 1
			s.workers = append(s.workers, &worker{
				kind: k, id: id, client: k.open(addresses, i, shared), random: rand.New(rand.NewPCG(a.options.seed, uint64(1000+id))),
				board: s.board, clock: s.clock, tally: s.tally,
				strange: func(w *worker, what string) { a.violate(w.name+": "+what, nil) },
			})
		}
	}
	return s, nil
}

// play is a run: start, harm, heal, judge. The exit code is 1 if a promise was broken or not judged.
func (a *arena) play(ctx context.Context) (code int, err error) {
	if err := a.heal(); err != nil {
		return 2, err
	}
	// What judges outlives what harms.
	judging, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watching sync.WaitGroup
	watching.Go(func() { a.observer.run(judging) })
	defer watching.Wait()
	defer stop()
	s, err := a.newSession()
	if err != nil {
		return 2, err
	}
	defer s.clerk.Close()
	ready, cancel := context.WithTimeout(ctx, readyLimit)
	err = s.clerk.Put(ready, "ready", "yes")
	cancel()
	if err != nil {
		return 1, fmt.Errorf("a new cluster does not take writes: %w", err)
	}
	a.start = time.Now()
	s.tally.lastWrite.Store(s.clock())
	var verifying sync.WaitGroup
	verifying.Go(func() { s.verifier.run(judging) })
	err = a.harm(ctx, s)
	err = errors.Join(err, a.heal())
	settled := a.settle(judging, s)
	close(s.verifier.queue)
	if !settled || err != nil {
		stop() // the cluster cannot be asked any more
	}
	verifying.Wait()
	if settled && err == nil && !a.broken() {
		err = a.again(judging, s)
	}
	fmt.Println(a.summary(s))
	if a.broken() || s.verifier.undecided > 0 || s.verifier.lost > 0 {
		return 1, err
	}
	return 0, err
}

// harm runs clients and faults side by side for the duration, or until a promise is broken.
func (a *arena) harm(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, a.options.duration)
	defer cancel()
	a.mu.Lock()
	a.end = cancel
	a.mu.Unlock()
	var working, harming sync.WaitGroup
	for _, w := range s.workers {
		working.Go(func() { w.run(ctx) })
	}
	errs := make([]error, schedules)
	for kind := range schedules {
		harming.Go(func() {
			errs[kind] = a.torment(ctx, kind, rand.New(rand.NewPCG(a.options.seed, uint64(kind))))
			if errs[kind] != nil {
				cancel()
			}
		})
	}
	harming.Go(func() { a.progress(ctx, s) })
	harming.Go(func() { a.demandRecovery(ctx, s.tally) })
	harming.Wait()
	working.Wait()
	s.board.retireAll()
	return errors.Join(errs...)
}

// settle waits until the healed cluster takes writes and its nodes are equally far.
func (a *arena) settle(ctx context.Context, s *session) bool {
	limit, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	err := s.clerk.Put(limit, "settled", "yes")
	if err == nil {
		err = eventually(limit, a.observer.settled)
	}
	if err != nil {
		a.violate(fmt.Sprintf("the cluster has not recovered within %v: %v", settleLimit, err), nil)
	}
	return err == nil
}

// again reads everything once more.
func (a *arena) again(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeout(ctx, againLimit)
	defer cancel()
	replicas, done := a.replicas()
	defer done()
	if err := s.verifier.again(ctx, replicas); err != nil {
		a.violate("what was acknowledged cannot be read: "+err.Error(), []lin.Operation{})
	}
	return nil
}
