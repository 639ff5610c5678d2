package node

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"redoubt/internal/vfs"
)

// BenchmarkCluster measures three nodes on the machine's own disk, all in this process, with 50 clients
// that send pipelines. One operation is one command.
func BenchmarkCluster(b *testing.B) {
	for _, command := range []string{"SET", "GET"} {
		for _, depth := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/c=50/P=%d", command, depth), func(b *testing.B) { benchmarkCluster(b, command, depth) })
		}
	}
}

func benchmarkCluster(b *testing.B, command string, depth int) {
	c := startCluster(b, 3, func(o *Options) {
		o.FS, o.Dir = vfs.NewOS(), b.TempDir()
		o.SegmentBytes, o.MaxEntryBytes = 64<<20, 64<<20
		o.Heartbeat, o.Election = 100*time.Millisecond, 2*time.Second
	})
	address := c.leader().client
	request := "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"
	reply := "$100\r\n" + strings.Repeat("x", 100) + "\r\n"
	if command == "SET" {
		request = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n" + reply
		reply = "+OK\r\n"
	} else {
		c.leader().expect("OK", "SET", "key", strings.Repeat("x", 100))
	}
	const clients = 50
	before := cpuTime(b)
	var running sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for range clients {
		running.Go(func() {
			if err := pump(address, strings.Repeat(request, depth), len(reply)*depth, b.N/clients/depth+1); err != nil {
				b.Error(err)
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

// cpuTime returns the processor time that this process has used. It is of more use than the clock on a machine that does other things.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// pump sends a request again and again, each after the whole reply to the one before.
func pump(address, request string, replyBytes, times int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for range times {
		if _, err := conn.Write([]byte(request)); err != nil {
			return err
		}
		if _, err := r.Discard(replyBytes); err != nil {
			return err
		}
	}
	return nil
}
