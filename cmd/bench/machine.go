package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine says where figures come from.
type machine struct {
	CPU           string  `json:"cpu"`
	Cores         int     `json:"cores"`
	MemoryGiB     float64 `json:"memory_gib"`
	Kernel        string  `json:"kernel"`
	FileSystem    string  `json:"file_system"`
	Go            string  `json:"go"`
	Redis         string  `json:"redis"`
	Revision      string  `json:"revision"`
	LoadAverage   float64 `json:"load_average"`       // of the minute before the first suite
	BusyShare     float64 `json:"busy_share_percent"` // of all processors, in the second before the suite
	SyncMillis    float64 `json:"fdatasync_ms"`       // the median of a small append and its fdatasync, alone
	NotIdleReason string  `json:"not_idle,omitempty"`
}

// A machine on which more than this goes on already is not idle.
const (
	idleLoadAverage = 0.5
	idleBusyPercent = 5
)

// survey finds out about the machine before anything of ours runs. dir is where the data will be. What cannot be found is left out.
func survey(ctx context.Context, dir string) machine {
	m := machine{
		CPU: modelName(), Cores: runtime.NumCPU(), Kernel: firstLine("/proc/sys/kernel/osrelease"),
		FileSystem: output(ctx, "stat", "-f", "-c", "%T", dir), Go: runtime.Version(),
		Redis: redisVersion(ctx), Revision: revision(ctx),
	}
	if kib, err := procField("/proc/meminfo", "MemTotal"); err == nil {
		m.MemoryGiB = kib / (1 << 20)
	}
	if fields := strings.Fields(firstLine("/proc/loadavg")); len(fields) > 0 {
		m.LoadAverage, _ = strconv.ParseFloat(fields[0], 64)
	}
	m.SyncMillis = syncMillis(filepath.Join(dir, "probe"))
	if m.LoadAverage > idleLoadAverage {
		m.NotIdleReason = fmt.Sprintf("its load average was %.2f before the start", m.LoadAverage)
	}
	return m
}

// look sees, for a second, what else the machine does. It is called while nothing of ours runs; the load average knows
// what we did before.
func (m machine) look(ctx context.Context) machine {
	m.BusyShare = busyShare(ctx, time.Second)
	if m.BusyShare > idleBusyPercent {
		m.NotIdleReason = fmt.Sprintf("its processors were busy to %.0f %% before the start", m.BusyShare)
	}
	return m
}

// busyShare returns the share of all processors' time that is spent on work during a pause, in percent.
func busyShare(ctx context.Context, pause time.Duration) float64 {
	busy0, all0, err := busyTicks()
	if err != nil {
		return 0
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	busy1, all1, err := busyTicks()
	if err != nil || all1 <= all0 {
		return 0
	}
	return 100 * (busy1 - busy0) / (all1 - all0)
}

// syncMillis returns the median time of appending 128 bytes to a file and syncing it, or 0.
func syncMillis(name string) float64 {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return 0
	}
	defer os.Remove(name)
	defer file.Close()
	var samples []float64
	for range 100 {
		began := time.Now()
		if _, err := file.Write(make([]byte, 128)); err != nil {
			return 0
		}
		if err := fdatasync(file); err != nil {
			return 0
		}
		samples = append(samples, time.Since(began).Seconds()*1e3)
	}
	return median(samples)
}

func modelName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// versionOfRedis finds "7.0.15" in "Redis server v=7.0.15 sha=...".
var versionOfRedis = regexp.MustCompile(`v=([0-9.]+)`)

func redisVersion(ctx context.Context) string {
	if found := versionOfRedis.FindStringSubmatch(output(ctx, "redis-server", "--version")); found != nil {
		return found[1]
	}
	return ""
}

// revision names the source that is measured; "+" stands for changes that are not committed.
func revision(ctx context.Context) string {
	name := output(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if name != "" && output(ctx, "git", "status", "--porcelain", "--untracked-files=no") != "" {
		name += "+"
	}
	return name
}

// output returns what a program prints, without the spaces around, or nothing.
func output(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

func firstLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return line
}

// String is the line above the tables.
func (m machine) String() string {
	parts := []string{fmt.Sprintf("%d × %s", m.Cores, m.CPU), fmt.Sprintf("%.0f GiB", m.MemoryGiB), "Linux " + m.Kernel,
		fmt.Sprintf("data on %s (append and fdatasync %.2f ms)", m.FileSystem, m.SyncMillis), m.Go}
	if m.Redis != "" {
		parts = append(parts, "Redis "+m.Redis)
	}
	if m.Revision != "" {
		parts = append(parts, "revision "+m.Revision)
	}
	parts = append(parts, fmt.Sprintf("load average %.2f at the start", m.LoadAverage))
	return strings.Join(parts, "; ") + "."
}
