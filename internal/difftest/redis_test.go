//go:build redis

package difftest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

var (
	seeds  = flag.Int("seeds", 2000, "how many random scripts to compare")
	seed   = flag.Uint64("seed", 1, "the first script's seed")
	only   = flag.String("only", "", "a regular expression: draw only commands whose line of the grammar has it")
	update = flag.Bool("update", false, "record the replies in the transcripts anew")
	size   = flag.Int("commands", 30, "how many commands a script has, about")
)

// differencesMax is how many kinds of differences are printed before a run gives up.
const differencesMax = 10

// linesWith returns the lines of a grammar in which the expression is.
func linesWith(grammar string, expression *regexp.Regexp) string {
	var lines []string
	for line := range strings.Lines(grammar) {
		if expression.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// compareSeeds compares scripts drawn from consecutive seeds.
func compareSeeds(t *testing.T, ours, theirs Executor, grammar string, n int) {
	t.Helper()
	generator := NewGenerator(linesWith(grammar, regexp.MustCompile(*only)))
	commands, outages := 0, 0
	// found counts differences that look alike: the same command, with replies that begin alike.
	found := map[string]int{}
	for i := range n {
		script := generator.Script(*seed+uint64(i), *size)
		commands += len(script.Commands)
		smallest, err := smallestDifference(ours, theirs, script)
		for ; errors.Is(err, errUnavailable) && outages < outagesMax; outages++ {
			t.Logf("seed %d: %v; once more", script.Seed, err)
			waitForWrites(t, ours)
			smallest, err = smallestDifference(ours, theirs, script)
		}
		if err != nil {
			t.Fatal(err)
		}
		if smallest == nil {
			continue
		}
		kind := fmt.Sprintf("%s %.12q %.12q", nameOf(smallest.Script.Commands[smallest.At]), smallest.Ours, smallest.Theirs)
		if found[kind]++; found[kind] == 1 {
			t.Errorf("answered otherwise than by Redis, %s", smallest)
		}
		if len(found) == differencesMax {
			t.Fatalf("%d kinds of differences in %d scripts", len(found), i+1)
		}
	}
	for kind, n := range found {
		t.Logf("%d times: %s", n, kind)
	}
	t.Logf("%d scripts, %d commands, %d kinds of differences", n, commands, len(found))
}

// smallestDifference compares a script and shrinks the difference, if there is one.
func smallestDifference(ours, theirs Executor, script Script) (*Difference, error) {
	d, err := Compare(ours, theirs, script)
	if d == nil || err != nil {
		return nil, err
	}
	return Shrink(ours, theirs, d)
}

// errUnavailable says that a server has no leader at the moment. What it answers then is not compared.
var errUnavailable = errors.New("the server is not available")

// outagesMax is how many scripts of a run may meet a server that is not available, because its machine is busy.
const outagesMax = 3

// clustered is a client that takes replies which only a replicated server gives for an error.
type clustered struct{ *Client }

func (c clustered) Do(commands []Command, proto int) ([][]byte, error) {
	replies, err := c.Client.Do(commands, proto)
	for _, reply := range replies {
		for _, code := range []string{"-UNCERTAIN ", "-CLUSTERDOWN ", "-MOVED "} {
			if bytes.HasPrefix(reply, []byte(code)) {
				return nil, fmt.Errorf("%w: %s", errUnavailable, quoteReply(reply))
			}
		}
	}
	return replies, err
}

// TestRulesAreSound compares Redis with another Redis: what differs there is not a difference, but a rule or a
// draw that depends on the moment.
func TestRulesAreSound(t *testing.T) {
	compareSeeds(t, startRedis(t), startRedis(t), Grammar+FrontEndGrammar, *seeds/4)
}

// TestMachineAnswersLikeRedis compares the state machine, without a server around it, with Redis.
func TestMachineAnswersLikeRedis(t *testing.T) {
	machine := NewMachine(func() int64 { return time.Now().UnixMilli() })
	compareSeeds(t, machine, startRedis(t), Grammar, *seeds)
}

// TestServerAnswersLikeRedis compares a server of one node with Redis: the whole way from the socket through the
// log and back, and the commands that the front end answers itself.
func TestServerAnswersLikeRedis(t *testing.T) {
	address := startServer(t)
	// The transcripts leave connections behind that are not as new.
	fresh := func() *Client {
		client := NewClient("tcp", address)
		t.Cleanup(client.Close)
		return client
	}
	checkTranscripts(t, "testdata/*.txt", fresh())
	checkTranscripts(t, "testdata/frontend/*.txt", fresh())
	compareSeeds(t, clustered{fresh()}, startRedis(t), Grammar+FrontEndGrammar, *seeds/2)
}

// TestRedisKeepsTranscripts makes sure that what is recorded is what Redis replies.
func TestRedisKeepsTranscripts(t *testing.T) {
	redis := startRedis(t)
	for _, pattern := range []string{"testdata/*.txt", "testdata/frontend/*.txt"} {
		if *update {
			for name, transcript := range readTranscripts(t, pattern) {
				if err := transcript.record(redis); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if err := os.WriteFile(name, []byte(transcript.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		checkTranscripts(t, pattern, redis)
	}
}

// record replaces the recorded replies.
func (t *transcript) record(e Executor) error {
	for _, c := range t.cases {
		for proto := 2; proto <= 3; proto++ {
			observations, err := observe(e, c.script(proto))
			if err != nil {
				return fmt.Errorf("line %d: %w", c.line, err)
			}
			for i, o := range observations {
				// A reply that may differ is recorded anew only if it does.
				old := c.steps[i].replies[proto-2]
				if old == nil || !agree(c.steps[i].command, observation{old, o.before}, o) {
					c.steps[i].replies[proto-2] = o.reply
				}
			}
		}
	}
	return nil
}
