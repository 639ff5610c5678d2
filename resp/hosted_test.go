package resp

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

// onReactors says how connections are served in this run of the tests: see TestMain.
var onReactors bool

// TestMain runs every test twice: with a goroutine for each connection, and with reactors. Fuzzing has its time once.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		onReactors = true
		os.Exit(m.Run())
	}
	code := m.Run()
	onReactors = true
	os.Exit(max(code, m.Run()))
}

// asStarter makes a replica a Starter, whose tasks are never done at once.
type asStarter struct{ *fakeReplica }

func (s asStarter) NewTask(woken func()) Task {
	return &executeTask{replica: s.fakeReplica, woken: woken}
}
func (asStarter) Hold()    {}
func (asStarter) Release() {}

// Lull has the reactor nap whenever it may: nothing must be lost by that.
func (asStarter) Lull() bool { return true }

// executeTask has a goroutine wait for Execute.
type executeTask struct {
	replica *fakeReplica
	woken   func()
	done    int
}

func (t *executeTask) Begin(b *Batch) (int, bool) {
	go func() {
		t.done = t.replica.Execute(b)
		t.woken()
	}()
	return 0, false
}

func (t *executeTask) Resume() (int, bool) { return t.done, true }

// hastyTask is done at once every other time, and is woken before Begin returns the other times.
type hastyTask struct {
	executeTask
	turn int
}

func (t *hastyTask) Begin(b *Batch) (int, bool) {
	t.done = t.replica.Execute(b)
	if t.turn++; t.turn%2 == 0 {
		return t.done, true
	}
	t.woken()
	return 0, false
}

// hastyStarter makes hasty tasks.
type hastyStarter struct{ asStarter }

func (s hastyStarter) NewTask(woken func()) Task {
	return &hastyTask{executeTask: executeTask{replica: s.fakeReplica, woken: woken}}
}

func TestTasksThatAreDoneBeforeTheyAreLeft(t *testing.T) {
	s := startWith(t, nil, func(r *fakeReplica) Backend { return hastyStarter{asStarter{r}} })
	c := s.dial(t)
	for i := range 100 {
		want := fmt.Sprint(i)
		if got := c.do("SET", "k", want); got != "OK" {
			t.Fatalf("SET replied %v", got)
		}
		if got := c.do("GET", "k"); got != want {
			t.Fatalf("GET replied %v, want %v", got, want)
		}
	}
}

// What waits, or takes long, is done aside: other connections do not wait for it, and the connection goes on afterwards
// where it stood.
func TestSlowCommandsHoldNobodyUp(t *testing.T) {
	s := startWith(t, nil, func(r *fakeReplica) Backend { return asStarter{r} })
	begun, end := make(chan struct{}), make(chan struct{})
	s.replica.waitReplicas = func(<-chan struct{}) { begun <- struct{}{}; <-end }
	var waiting []*client
	for range 2 * len(s.reactors) {
		c := s.dial(t)
		c.send(encode("SET", "k", "v") + encode("WAIT", "1", "0") + encode("GET", "k") + encode("STRLEN", "k"))
		waiting = append(waiting, c)
	}
	for range waiting {
		<-begun
	}
	c := s.dial(t)
	for range 10 {
		c.want("get k", "v")
	}
	close(end)
	for _, c := range waiting {
		for _, want := range []string{"OK", "1", "v", "1"} {
			if got := fmt.Sprint(c.reply()); got != want {
				t.Errorf("in a pipeline with WAIT: replied %s, want %s", got, want)
			}
		}
		c.want("strlen k", "1") // and the reactor serves it again
	}
}

// A client that does not read what it asked for is waited for aside.
func TestClientsThatDoNotReadHoldNobodyUp(t *testing.T) {
	s := startWith(t, nil, func(r *fakeReplica) Backend { return asStarter{r} })
	value := strings.Repeat("v", 32<<10)
	c := s.dial(t)
	c.do("SET", "k", value)
	const asked = 400
	var late []*client
	for range 2 * len(s.reactors) {
		l := s.dial(t)
		l.send(strings.Repeat(encode("GET", "k"), asked))
		late = append(late, l)
	}
	for range 10 {
		if got := c.do("GET", "k"); got != value {
			t.Fatal("GET replied something else")
		}
	}
	for _, l := range late {
		for i := range asked {
			if got := l.reply(); got != value {
				t.Fatalf("reply %d to a late reader is something else", i)
			}
		}
		l.want("strlen k", fmt.Sprint(len(value)))
	}
}
