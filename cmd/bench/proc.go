package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// What the kernel counts of a process and of the machine. Everything here reads /proc, but for ss.

// ticksPerSecond is the unit of times in /proc/PID/stat; Linux has shown this one to programs always.
const ticksPerSecond = 100

// cpuSeconds returns the processor time that a process and its children that have ended have used, in seconds.
func cpuSeconds(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseCPU(string(stat))
}

// parseCPU adds the user and system times of a line of /proc/PID/stat.
func parseCPU(stat string) (float64, error) {
	// The name, in parentheses, may hold anything; the state, field 3, follows the last one.
	at := strings.LastIndex(stat, ") ")
	if at < 0 {
		return 0, fmt.Errorf("no process's stat: %q", stat)
	}
	const user, childrenSystem = 14 - 3, 17 - 3 // and two between them
	fields := strings.Fields(stat[at+2:])
	if len(fields) <= childrenSystem {
		return 0, fmt.Errorf("a process's stat with %d fields: %q", len(fields), stat)
	}
	ticks := 0.0
	for _, field := range fields[user : childrenSystem+1] {
		n, err := strconv.ParseUint(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += float64(n)
	}
	return ticks / ticksPerSecond, nil
}

// writtenBytes returns what a process has caused to be written to disk: whole pages, each as often as it was made dirty.
func writtenBytes(pid int) (float64, error) {
	return procField(fmt.Sprintf("/proc/%d/io", pid), "write_bytes")
}

// residentBytes returns a process's memory now, and at its highest.
func residentBytes(pid int) (now, peak float64, err error) {
	status := fmt.Sprintf("/proc/%d/status", pid)
	now, err = procField(status, "VmRSS")
	if err != nil {
		return 0, 0, err
	}
	peak, err = procField(status, "VmHWM")
	return now * 1024, peak * 1024, err
}

// procField returns a number out of lines of the form "name: number unit".
func procField(file, name string) (float64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			words := strings.Fields(value)
			if len(words) == 0 {
				break
			}
			return strconv.ParseFloat(words[0], 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", file, name)
}

// loopbackBytes returns what has passed through the loopback interface, headers included.
func loopbackBytes() (float64, error) {
	text, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if counters, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			if fields := strings.Fields(counters); len(fields) > 0 {
				return strconv.ParseFloat(fields[0], 64)
			}
		}
	}
	return 0, errors.New("/proc/net/dev has no loopback interface")
}

// socketBytes returns what the open TCP sockets of this machine have sent from or to one of the addresses, by the
// kernel's count of payload bytes.
func socketBytes(addresses map[string]bool) (float64, error) {
	out, err := exec.Command("ss", "-H", "-t", "-n", "-i", "-O", "state", "established").Output()
	if err != nil {
		return 0, fmt.Errorf("ss: %w", err)
	}
	return parseSockets(string(out), addresses)
}

// parseSockets adds up bytes_sent of the sockets that have one of the addresses at either end.
func parseSockets(text string, addresses map[string]bool) (float64, error) {
	sum := 0.0
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		ours := false
		for _, field := range fields[:min(len(fields), 5)] {
			ours = ours || addresses[field]
		}
		if !ours {
			continue
		}
		for _, field := range fields {
			if value, ok := strings.CutPrefix(field, "bytes_sent:"); ok {
				n, err := strconv.ParseFloat(value, 64)
				if err != nil {
					return 0, fmt.Errorf("ss: %w", err)
				}
				sum += n
			}
		}
	}
	return sum, nil
}

// busyTicks returns the time that all processors have spent on work, and all their time.
func busyTicks() (busy, all float64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseBusy(string(text))
}

// parseBusy reads the first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, ...
func parseBusy(stat string) (busy, all float64, err error) {
	first, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(first)
	if len(fields) < 5 || fields[0] != "cpu" {
		return 0, 0, fmt.Errorf("/proc/stat begins with %q", first)
	}
	const idle, iowait, steal = 3, 4, 7
	for i, field := range fields[1:] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		if i > steal {
			break // time of guests is in user's already
		}
		all += n
		if i != idle && i != iowait {
			busy += n
		}
	}
	return busy, all, nil
}
