//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// openSession opens a session and returns its id.
func (c *cluster) openSession(options ...string) string {
	c.t.Helper()
	return strconv.FormatInt(c.must(append(command{"SESSION", "OPEN"}, options...)).number, 10)
}

// counter sends INCRs in a session, each until it is answered.
type counter struct {
	session         string
	route           route
	count, repeated int
	fault           error
}

func (o *counter) run(stop <-chan struct{}) {
	defer o.route.leave()
	for o.fault == nil {
		select {
		case <-stop:
			return
		default:
		}
		answer, sent, err := o.increment(time.Now().Add(readLimit))
		if err != nil || answer.number != int64(o.count+1) {
			o.fault = fmt.Errorf("INCR number %d, sent %d times: %v, %v", o.count+1, sent, answer, err)
		}
		o.count++
		if sent > 1 {
			o.repeated++
		}
	}
}

// increment sends the next INCR until a node answers it.
func (o *counter) increment(deadline time.Time) (answer reply, sent int, err error) {
	words := command{"ONCE", o.session, strconv.Itoa(o.count + 1), "INCR", "once:counter"}
	for sent = 1; ; sent++ {
		answer, err = o.route.try(roundTimeout, words...)
		if err == nil || time.Now().After(deadline) {
			return answer, sent, err
		}
		<-time.After(retryPause)
	}
}

// A write in an envelope that is sent until it is answered, over kills of the leader, takes effect once.
func TestOnceOverAKillOfTheLeader(t *testing.T) {
	c := startCluster(t)
	client := &counter{session: c.openSession(), route: route{addresses: c.addresses()}}
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() { client.run(stop) })
	for range 3 {
		during(warmUp)
		old := c.leader()
		old.kill(t)
		c.leader()
		old.start(t)
		c.waitReady()
	}
	close(stop)
	running.Wait()
	if client.fault != nil {
		t.Fatal(client.fault)
	}
	if value := c.must(command{"GET", "once:counter"}).text; value != strconv.Itoa(client.count) {
		t.Errorf("after %d INCRs the counter is %s", client.count, value)
	}
	if client.repeated == 0 {
		t.Error("no command was sent twice: the test shows nothing")
	}
	t.Logf("%d INCRs, %d of them sent more than once", client.count, client.repeated)
}

// A command whose reply was thrown away is asked about, and repeated on the next leader, with the reply of its first run.
func TestOnceTellsWhatBecameOfACommand(t *testing.T) {
	c := startCluster(t)
	session := c.openSession("TTL", "3600")
	words := command{"ONCE", session, "7", "APPEND", "once:list", "x"}
	first := c.must(words)
	status := func(sequence string) string { return c.must(command{"ONCE", "STATUS", session, sequence}).String() }
	if got := status("7"); got != "[$done 1]" {
		t.Errorf("ONCE STATUS of a command that was run: %s", got)
	}
	if got := status("8"); got != "[$unknown-to-log]" {
		t.Errorf("ONCE STATUS of a command that was never sent: %s", got)
	}
	c.leader().kill(t)
	if again := c.must(words); again.number != first.number {
		t.Errorf("a repetition on the next leader replied %v, the first run %v", again, first)
	}
	if got := c.must(command{"STRLEN", "once:list"}).number; got != 1 {
		t.Errorf("an APPEND that was sent twice left a length of %d", got)
	}
	if got := status("7"); got != "[$done 1]" {
		t.Errorf("ONCE STATUS on the next leader: %s", got)
	}
}

// A session ends by itself when it is not used, and says so.
func TestSessionsExpire(t *testing.T) {
	c := startCluster(t)
	brief, long := c.openSession("TTL", "3"), c.openSession()
	c.expectSessions("2")
	eventually(t, readLimit, "a session that nobody uses ends", func() error {
		if answer := c.must(command{"ONCE", "STATUS", brief, "1"}); answer.code() != "NOSESSION" {
			return errors.New(answer.String())
		}
		return nil
	})
	if answer := c.must(command{"ONCE", brief, "1", "SET", "once:late", "x"}); answer.code() != "NOSESSION" {
		t.Errorf("a write in a session that has ended: %v", answer)
	}
	if answer := c.must(command{"EXISTS", "once:late"}); answer.number != 0 {
		t.Error("a write in a session that has ended was carried out")
	}
	if answer := c.must(command{"ONCE", long, "1", "SET", "once:late", "x"}); answer.text != "OK" {
		t.Errorf("a write in a session that lives: %v", answer)
	}
	if answer := c.must(command{"SESSION", "CLOSE", long}); answer.number != 1 {
		t.Errorf("SESSION CLOSE: %v", answer)
	}
	c.expectSessions("0")
}

// expectSessions checks how many sessions the leader counts.
func (c *cluster) expectSessions(want string) {
	c.t.Helper()
	if fields, err := info(c.leader().client, "raft"); err != nil || fields["raft_sessions"] != want {
		c.t.Errorf("raft_sessions is %q, %v; promised: %s", fields["raft_sessions"], err, want)
	}
}

// A follower sends an envelope where its command belongs.
func TestOnceIsRedirectedByItsKey(t *testing.T) {
	c := startCluster(t)
	session := c.openSession()
	leader, follower := c.leader(), c.follower()
	want := "MOVED " + slotOf(t, leader.client, "once:key") + " " + leader.client
	answer, err := ask(follower.client, askTimeout, "ONCE", session, "1", "SET", "once:key", "x")
	if err != nil || answer.text != want {
		t.Errorf("a follower answers %v, %v; promised: %s", answer, err, want)
	}
}

// The session that the README shows.
func TestRedisCLIDrivesRaftAndOnce(t *testing.T) {
	c := startCluster(t)
	leader := c.leader()
	session := redisCLI(t, leader.client, "", "session", "open")
	for range 2 {
		expectOutput(t, "1", redisCLI(t, leader.client, "", "once", session, "1", "incr", "cli:n"))
	}
	expectOutput(t, "1", redisCLI(t, c.follower().client, "", "-c", "once", session, "1", "incr", "cli:n"))
	expectOutput(t, "done\n1", redisCLI(t, leader.client, "", "once", "status", session, "1"))
	n := c.join()
	rows := redisCLI(t, leader.client, "", "raft", "nodes")
	for _, word := range []string{"id\n4\npeer\n" + n.peer + "\nclients\n" + n.client + "\nrole\nvoter", "match"} {
		if !strings.Contains(rows, word) {
			t.Errorf("RAFT NODES does not say %q:\n%s", word, rows)
		}
	}
	expectOutput(t, "OK", redisCLI(t, leader.client, "", "raft", "transfer", "4"))
	if now := c.leader(); now != n {
		t.Errorf("node %d leads, leadership was handed to node 4", now.id)
	}
	expectOutput(t, "OK", redisCLI(t, c.follower().client, "", "-c", "raft", "leave", strconv.Itoa(leader.id)))
	if out := redisCLI(t, n.client, "", "raft", "leave", "99"); !strings.Contains(out, "ERR node 99 is not a member") {
		t.Errorf("RAFT LEAVE of an unknown node: %s", out)
	}
	if out := redisCLI(t, n.client, "", "raft", "help"); !strings.Contains(out, "JOIN <host:port>") {
		t.Errorf("RAFT HELP: %s", out)
	}
}

// A library that has never heard of ONCE sends it as any other command.
func TestPythonRedisSendsOnce(t *testing.T) {
	c := startCluster(t)
	cmd, stderr := pythonCommand(t, append([]string{"once"}, c.leader().client)...)
	limit := time.AfterFunc(pythonLimit, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	var failed *exec.ExitError
	if err := cmd.Run(); errors.As(err, &failed) {
		t.Errorf("python3-redis: %v\n%s", err, stderr)
	} else if err != nil {
		t.Fatal(err)
	}
}
