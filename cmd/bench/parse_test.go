package main

import (
	"os"
	"strings"
	"testing"
)

func TestRedisBenchmarkIsRead(t *testing.T) {
	text, err := os.ReadFile("testdata/redis-benchmark.txt")
	if err != nil {
		t.Fatal(err)
	}
	found, err := parseRedisBenchmark(string(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]rates{
		"SET": {perSecond: 5307.86, p50: 2.935, p99: 43.679, p999: 54.879},
		"GET": {perSecond: 22026.43, p50: 0.567, p99: 14.527, p999: 40.799},
	}
	if len(found) != len(want) || found["SET"] != want["SET"] || found["GET"] != want["GET"] {
		t.Errorf("got %+v\nwant %+v", found, want)
	}
	half := string(text[:len(text)-200])
	if _, err := parseRedisBenchmark(strings.Replace(half, "throughput summary", "", 1)); err == nil {
		t.Error("figures without a throughput were believed")
	}
	for _, bad := range []string{"", "Error from server: MOVED 1 127.0.0.1:1", "====== SET ======\n"} {
		if got, err := parseRedisBenchmark(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestProcessorTimeIsRead(t *testing.T) {
	stat := "123 (a ) name) S 1 2 3 4 5 6 7 8 9 10 1500 250 30 20 20 0 9 0 1 2 3"
	got, err := parseCPU(stat)
	if err != nil || got != 18 {
		t.Errorf("got %v, %v, want 18 s", got, err)
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a b c d e"} {
		if got, err := parseCPU(bad); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}

func TestBusyTimeIsRead(t *testing.T) {
	busy, all, err := parseBusy("cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 2 3 4\n")
	if err != nil || busy != 10+20+30+6+7+8 || all != busy+400+50 {
		t.Errorf("got %v of %v, %v", busy, all, err)
	}
	for _, bad := range []string{"", "cpu", "intr 1 2 3 4 5", "cpu a b c d e"} {
		if _, _, err := parseBusy(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestSocketsAreAddedUp(t *testing.T) {
	text := "0 0 127.0.0.1:7001 127.0.0.1:40000 cubic bytes_sent:100 bytes_acked:90\n" +
		"0 0 127.0.0.1:40000 127.0.0.1:7001 cubic bytes_sent:20 bytes_acked:20\n" +
		"0 0 127.0.0.1:40001 127.0.0.1:7002 cubic bytes_sent:1000\n" +
		"0 0 127.0.0.1:40002 127.0.0.1:7001 cubic\n\n"
	got, err := parseSockets(text, map[string]bool{"127.0.0.1:7001": true})
	if err != nil || got != 120 {
		t.Errorf("got %v, %v, want 120", got, err)
	}
}

func TestThisProcessIsMeasured(t *testing.T) {
	if cpu, err := cpuSeconds(os.Getpid()); err != nil || cpu < 0 {
		t.Errorf("processor time: %v, %v", cpu, err)
	}
	if now, peak, err := residentBytes(os.Getpid()); err != nil || now < 1<<20 || peak < now/2 {
		t.Errorf("memory: %v, %v, %v", now, peak, err)
	}
	if _, err := loopbackBytes(); err != nil {
		t.Errorf("loopback: %v", err)
	}
	if _, _, err := busyTicks(); err != nil {
		t.Errorf("processors: %v", err)
	}
}

func TestMemberFields(t *testing.T) {
	got := memberFields("id=3,peer=127.0.0.1:7379,client=,role=voter,connected=1,match=7")
	if got["id"] != "3" || got["peer"] != "127.0.0.1:7379" || got["role"] != "voter" || got["client"] != "" {
		t.Errorf("got %v", got)
	}
}

func TestMovedNamesTheLeader(t *testing.T) {
	for text, want := range map[string]string{
		"MOVED 17 127.0.0.1:6380": "127.0.0.1:6380", "MOVED": "", "CLUSTERDOWN no leader": "", "READONLY You can't": "",
	} {
		if got := serverError(text).moved(); got != want {
			t.Errorf("%q sends a client to %q, want %q", text, got, want)
		}
	}
}
