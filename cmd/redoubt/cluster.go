package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// maxClusterNodes keeps the default ports of clients (6379…) and peers (7379…) apart.
const maxClusterNodes = 9

// clusterOptions describe a local cluster.
type clusterOptions struct {
	nodes    int
	port     int // of the first node; the others follow
	peerPort int
	dir      string
	extra    []string // flags passed on to every server
}

func clusterCommand() *cobra.Command {
	o := clusterOptions{}
	cmd := &cobra.Command{
		Use:   "cluster [-- server flags]",
		Short: "Run a local cluster of real processes on 127.0.0.1",
		Long: "Run a local cluster: one server process per node, on 127.0.0.1, until interrupted.\n" +
			"A node that is killed stays down, so that a failover can be watched; the line printed then starts it again.\n" +
			"Flags after -- go to every server.",
		RunE: func(cmd *cobra.Command, args []string) error {
			o.extra = args
			if o.nodes < 1 || o.nodes > maxClusterNodes {
				return fmt.Errorf("--nodes %d: must be from 1 to %d", o.nodes, maxClusterNodes)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second signal ends the process at once
			return runCluster(ctx, o, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&o.nodes, "nodes", 3, "number of nodes")
	cmd.Flags().IntVar(&o.port, "port", 6379, "client port of the first node")
	cmd.Flags().IntVar(&o.peerPort, "peer-port", 7379, "Raft port of the first node")
	cmd.Flags().StringVar(&o.dir, "dir", "redoubt-data", "where the nodes keep their data")
	return cmd
}

// member is one server process of a local cluster.
type member struct {
	id   int
	args []string
	cmd  *exec.Cmd
}

// exit says how a member ended.
type exit struct {
	member *member
	err    error
}

// runCluster starts the members and passes their output on until ctx ends or none is left.
func runCluster(ctx context.Context, o clusterOptions, out io.Writer) error {
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	// The kernel ends a child when the thread that started it ends, so that thread must stay.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	lines := &lineWriter{out: out}
	exits := make(chan exit, o.nodes)
	var running []*member
	for id := 1; id <= o.nodes; id++ {
		m := &member{id: id, args: o.serverArgs(id)}
		if err := m.start(binary, lines, exits); err != nil {
			stopMembers(running, exits)
			return fmt.Errorf("node %d: %w", id, err)
		}
		running = append(running, m)
	}
	lines.printf("%d nodes: clients at %s; data in %s; interrupt to stop", o.nodes, o.addresses(), o.dir)
	for len(running) > 0 {
		select {
		case <-ctx.Done():
			stopMembers(running, exits)
			return nil
		case e := <-exits:
			running = without(running, e.member)
			lines.printf("node %d ended: %v; start it again with: %s %s",
				e.member.id, describeExit(e.err), filepath.Base(binary), strings.Join(e.member.args, " "))
			if refused(e.err) {
				stopMembers(running, exits)
				return fmt.Errorf("node %d refused to run", e.member.id)
			}
		}
	}
	return errors.New("every node has ended")
}

// serverArgs are the arguments that start one node.
func (o clusterOptions) serverArgs(id int) []string {
	peers := make([]string, o.nodes)
	for i := range peers {
		peers[i] = fmt.Sprintf("%d=127.0.0.1:%d", i+1, o.peerPort+i)
	}
	args := []string{
		"server",
		fmt.Sprintf("--node-id=%d", id),
		fmt.Sprintf("--listen=127.0.0.1:%d", o.port+id-1),
		fmt.Sprintf("--peer-listen=127.0.0.1:%d", o.peerPort+id-1),
		"--peers=" + strings.Join(peers, ","),
		"--dir=" + filepath.Join(o.dir, fmt.Sprintf("node%d", id)),
	}
	return append(args, o.extra...)
}

func (o clusterOptions) addresses() string {
	addresses := make([]string, o.nodes)
	for i := range addresses {
		addresses[i] = fmt.Sprintf("127.0.0.1:%d", o.port+i)
	}
	return strings.Join(addresses, ", ")
}

// start runs the member and reports its end.
func (m *member) start(binary string, lines *lineWriter, exits chan<- exit) error {
	m.cmd = exec.Command(binary, m.args...)
	m.cmd.SysProcAttr = memberAttributes()
	reader, writer := io.Pipe()
	m.cmd.Stdout, m.cmd.Stderr = writer, writer
	if err := m.cmd.Start(); err != nil {
		return err
	}
	var copied sync.WaitGroup
	copied.Go(func() {
		scanner := bufio.NewScanner(reader)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			lines.printf("[node %d] %s", m.id, scanner.Text())
		}
		_, _ = io.Copy(io.Discard, reader) // a line beyond the buffer must not block the server
	})
	go func() {
		err := m.cmd.Wait()
		writer.Close()
		copied.Wait()
		exits <- exit{m, err}
	}()
	return nil
}

// stopGrace is how long the members may take to end in good order.
const stopGrace = 15 * time.Second

// stopMembers ends the members and waits for them.
func stopMembers(running []*member, exits <-chan exit) {
	for _, m := range running {
		_ = m.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	}
	limit := time.After(stopGrace)
	for range running {
		select {
		case <-exits:
		case <-limit:
			for _, m := range running {
				_ = m.cmd.Process.Kill()
			}
			return
		}
	}
}

func without(members []*member, gone *member) []*member {
	var rest []*member
	for _, m := range members {
		if m != gone {
			rest = append(rest, m)
		}
	}
	return rest
}

func describeExit(err error) string {
	if err == nil {
		return "in good order"
	}
	return err.Error()
}

// refused tells whether a member ended because it must not run: with the same arguments none of them will.
func refused(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == exitRefused
}

// lineWriter writes whole lines from several goroutines.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) printf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.out, format+"\n", args...)
}
