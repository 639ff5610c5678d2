package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// shape is how redis-benchmark is to load a server.
type shape struct {
	clients    int
	pipeline   int
	valueBytes int
	keys       int // drawn at random from so many
	requests   int // of each command
}

// rates are the figures of one command: requests a second, and percentiles of the latency in ms.
type rates struct {
	perSecond, p50, p99, p999 float64
}

// redisBenchmark runs redis-benchmark once and returns its figures by command ("SET", "GET").
func redisBenchmark(ctx context.Context, address string, s shape, commands ...string) (map[string]rates, error) {
	host, port, ok := strings.Cut(address, ":")
	if !ok {
		return nil, fmt.Errorf("redis-benchmark: %q is no address", address)
	}
	cmd := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-t", strings.ToLower(strings.Join(commands, ",")),
		"-c", strconv.Itoa(s.clients), "-P", strconv.Itoa(s.pipeline), "-d", strconv.Itoa(s.valueBytes),
		"-r", strconv.Itoa(s.keys), "-n", strconv.Itoa(s.requests), "--precision", "3")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("redis-benchmark: %w: %s", err, lastLines(complaints.String()+string(out), 5))
	}
	found, err := parseRedisBenchmark(string(out))
	if err != nil {
		return nil, err
	}
	for _, command := range commands {
		if _, ok := found[command]; !ok {
			return nil, fmt.Errorf("redis-benchmark has printed no figures for %s: %s", command, lastLines(string(out), 5))
		}
	}
	return found, nil
}

var (
	testTitle = regexp.MustCompile(`^====== (\S+).* ======$`)
	// "99.902% <= 3.455 milliseconds (cumulative count 99905)"
	percentileLine = regexp.MustCompile(`^([0-9.]+)% <= ([0-9.]+) milliseconds`)
	throughputLine = regexp.MustCompile(`^\s*throughput summary: ([0-9.]+) requests per second`)
	// The line under "latency summary (msec): avg min p50 p95 p99 max".
	latencyLine = regexp.MustCompile(`^\s*[0-9.]+\s+[0-9.]+\s+([0-9.]+)\s+[0-9.]+\s+([0-9.]+)\s+[0-9.]+$`)
)

// parseRedisBenchmark reads what redis-benchmark 7 prints without --csv, which has no percentile beyond the 99th.
func parseRedisBenchmark(text string) (map[string]rates, error) {
	found := make(map[string]rates)
	title, current := "", rates{}
	exact := false // the percentiles, and not the distribution by latency that follows them
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", "\n"), "\n") {
		if m := testTitle.FindStringSubmatch(line); m != nil {
			title, current = m[1], rates{p999: math.NaN()}
			continue
		}
		switch line {
		case "Latency by percentile distribution:":
			exact = true
		case "Cumulative distribution of latencies:":
			exact = false
		}
		if m := percentileLine.FindStringSubmatch(line); m != nil && exact && math.IsNaN(current.p999) && toNumber(m[1]) >= 99.9 {
			current.p999 = toNumber(m[2])
		} else if m := throughputLine.FindStringSubmatch(line); m != nil {
			current.perSecond = toNumber(m[1])
		} else if m := latencyLine.FindStringSubmatch(line); m != nil && title != "" {
			current.p50, current.p99 = toNumber(m[1]), toNumber(m[2])
			if current.perSecond <= 0 || math.IsNaN(current.p999) {
				return nil, fmt.Errorf("redis-benchmark has printed too little of %s", title)
			}
			found[title], title = current, ""
		}
	}
	if len(found) == 0 {
		return nil, errors.New("redis-benchmark has printed no figures: " + lastLines(text, 5))
	}
	return found, nil
}

// toNumber reads what a pattern has found to be a number.
func toNumber(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return math.NaN()
	}
	return n
}

// lastLines returns the end of a text, for an error.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r", "\n")), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
