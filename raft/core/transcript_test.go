package core

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the transcripts in testdata")

// A transcript is a script and what it did. Lines that begin with # are remarks, lines that begin
// with > are steps, all others are the effects of the step above them. The steps:
//
//	cluster N [learners=N] [tail=BYTES] [lease=MILLIS]   start N nodes; the last ones are learners
//	tick N [TIMES]          pass time on node N
//	timeout N               pass time on node N until it does something about it
//	propose N WORD...       propose commands, one a word
//	read N [forward]        ask for a read index, from the leader if N follows
//	transfer N TO           ask N to hand leadership to TO
//	deliver [FROM>TO]       deliver the messages that are under way now, or those between two nodes
//	drop [FROM>TO]          lose them
//	hold FROM>TO            keep them aside until release, which puts them back
//	release
//	persist N               make what node N has handed out durable
//	answer N                give node N the answers of its driver
//	run                     deliver, persist and answer until nothing is left to do
//	crash N, restart N      lose what is not durable; come back with what is
//	partition N, heal       cut node N off; mend all links
//	new                     start one more node, which is yet to join
//	change N add ID [promote]    ask N to add a member; ID 0 asks for the next free id
//	change N promote|remove ID
//	change N move ID ADDRESS
//	wipe N                  lose the disk of node N, and start it with an empty one
//	members N               print the configuration that node N goes by
//	snapshot N              take a snapshot and drop the log before it
//	show N                  print the node's standing
//	quiet STEP...           take a step without printing its effects
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runTranscript(t, string(want))
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s: the core does something else now. If it is right, run go test -run Transcripts -update and review the difference.\n%s", file, firstDifference(string(got), string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			wanted := "nothing"
			if i < len(w) {
				wanted = w[i]
			}
			return fmt.Sprintf("line %d\n got: %s\nwant: %s", i+1, g[i], wanted)
		}
	}
	return fmt.Sprintf("line %d\nwant: %s", len(g)+1, w[len(g)])
}

// script runs transcripts.
type script struct {
	*cluster
	held []Message
}

// runTranscript returns the transcript with the effects as they are now.
func runTranscript(t *testing.T, text string) []byte {
	var out bytes.Buffer
	s := &script{}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(l, "#"), l == "":
			out.WriteString(l + "\n")
		case strings.HasPrefix(l, "> "):
			out.WriteString(l + "\n")
			words := strings.Fields(l[2:])
			show := words[0] != "quiet"
			if !show {
				words = words[1:]
			}
			if words[0] == "cluster" {
				s.begin(t, words[1:])
				continue
			}
			s.print = func(format string, args ...any) {
				if show {
					fmt.Fprintf(&out, format+"\n", args...)
				}
			}
			s.do(words)
		}
	}
	return out.Bytes()
}

func (s *script) begin(t *testing.T, words []string) {
	size, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	learners := 0
	limits := Config{ElectionTicks: 10, MaxInflightMessages: 4, SnapshotChunkBytes: 8}
	for _, option := range words[1:] {
		name, value, _ := strings.Cut(option, "=")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatal(err)
		}
		switch name {
		case "learners":
			learners = n
		case "disks":
			limits.Instance = uint64(n)
		case "tail":
			limits.MaxTailBytes = n
		case "lease":
			limits.LeaseMillis = int64(n)
		default:
			t.Fatalf("unknown option %s", name)
		}
	}
	s.cluster = newCluster(t, calmSeed, size, learners, limits)
}

// do takes one step.
func (s *script) do(words []string) {
	verb, args := words[0], words[1:]
	var n *node
	if len(args) > 0 && !strings.Contains(args[0], ">") {
		id, err := strconv.Atoi(args[0])
		if err != nil || id < 1 || id > len(s.nodes) {
			s.t.Fatalf("%s: no node %s", verb, args[0])
		}
		n, args = s.nodes[id-1], args[1:]
	}
	switch verb {
	case "tick":
		times := 1
		if len(args) > 0 {
			times, _ = strconv.Atoi(args[0])
		}
		for range times {
			s.tick(n)
		}
	case "timeout":
		role := n.core.role
		for range 10 * n.core.config.ElectionTicks {
			if s.tick(n); n.core.role != role {
				return
			}
		}
		s.t.Fatalf("node %d is still a %s", n.id, role.String())
	case "propose":
		var commands [][]byte
		for _, word := range args {
			commands = append(commands, []byte(word))
		}
		s.step(n, Propose{Mono: s.now, Commands: commands})
	case "new":
		s.provision()
	case "change":
		s.changeMembership(n, args)
	case "read":
		s.ask(n, len(args) > 0, s.mono(n))
	case "transfer":
		to, _ := strconv.Atoi(args[0])
		s.step(n, Transfer{To: NodeID(to)})
	case "deliver", "drop", "hold":
		for _, m := range s.take(args) {
			env := m.Head()
			switch {
			case verb == "hold":
				s.held = append(s.held, m)
			case verb == "deliver" && !s.cut[env.From-1][env.To-1]:
				s.step(s.node(env.To), s.received(m))
			}
		}
	case "release":
		s.network, s.held = append(s.network, s.held...), nil
	case "run":
		s.run()
	default:
		s.doNode(verb, n)
	}
}

// changeMembership asks a node for a change.
func (s *script) changeMembership(n *node, args []string) {
	id, err := strconv.Atoi(args[1])
	if err != nil {
		s.t.Fatalf("change: no member %s", args[1])
	}
	change := Change{ID: NodeID(id)}
	switch args[0] {
	case "add":
		change.Kind, change.Address, change.Promote = AddMember, "new", slices.Contains(args, "promote")
		if s.disks && id != 0 {
			change.Instance = s.node(change.ID).instance
		}
	case "promote":
		change.Kind = PromoteMember
	case "remove":
		change.Kind = RemoveMember
	case "move":
		change.Kind, change.Address = MoveMember, args[2]
	default:
		s.t.Fatalf("unknown change %s", args[0])
	}
	s.change(n, change)
}

// doNode takes a step that has no arguments but the node.
func (s *script) doNode(verb string, n *node) {
	switch verb {
	case "persist":
		s.persist(n, len(n.writes))
	case "answer":
		for range n.answers {
			s.answer(n)
		}
	case "crash":
		s.crash(n)
	case "restart":
		s.start(n)
	case "partition":
		for other := range s.cut {
			s.cut[other][n.id-1], s.cut[n.id-1][other] = true, true
		}
	case "heal":
		s.heal()
	case "snapshot":
		s.takeSnapshot(n)
	case "wipe":
		s.wipe(n)
		s.start(n)
	case "members":
		l := n.core.memberships.current()
		s.print("%d goes by %s of %d", n.id, l.configuration.text(), l.index)
	case "show":
		s.show(n)
	default:
		s.t.Fatalf("unknown step %s", verb)
	}
}

func (s *script) tick(n *node) {
	s.now += tickMillis
	s.cluster.tick(n)
}

// take removes the messages that are under way, or those between two nodes.
func (s *script) take(args []string) []Message {
	var taken []Message
	s.network = slices.DeleteFunc(s.network, func(m Message) bool {
		env := m.Head()
		if len(args) > 0 && args[0] != fmt.Sprintf("%d>%d", env.From, env.To) {
			return false
		}
		taken = append(taken, m)
		return true
	})
	return taken
}

// run goes on until nothing is under way.
func (s *script) run() {
	for busy := true; busy; {
		busy = len(s.network) > 0
		s.do([]string{"deliver"})
		for _, n := range s.nodes {
			if n.core != nil && len(n.writes)+len(n.answers) > 0 {
				busy = true
				s.persist(n, len(n.writes))
				s.doNode("answer", n)
			}
		}
	}
}

func (s *script) show(n *node) {
	if n.core == nil {
		s.print("%d is down", n.id)
		return
	}
	status := n.core.Status()
	s.print("%d is %s term=%d leader=%d commit=%d last=%s durable=%d applied=%d", n.id, status.Role.String(), status.Term, status.Leader,
		n.core.CommitIndex(), n.core.log.last().text(), n.core.Durable(), n.index)
	for _, p := range n.core.Progress() {
		s.print("  peer %d %s match=%d next=%d in flight=%d", p.ID, [...]string{"probing", "replicating", "snapshotting"}[p.State], p.Match, p.Next, p.InflightMessages)
	}
}
