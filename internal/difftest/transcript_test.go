package difftest

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// readTranscripts parses the transcripts that a pattern finds, by file name.
func readTranscripts(t *testing.T, pattern string) map[string]*transcript {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	transcripts := map[string]*transcript{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parseTranscript(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		transcripts[name] = parsed
	}
	return transcripts
}

// checkTranscripts compares an executor with what is recorded.
func checkTranscripts(t *testing.T, pattern string, e Executor) {
	t.Helper()
	for name, transcript := range readTranscripts(t, pattern) {
		differences, err := transcript.check(e)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, d := range differences {
			t.Errorf("%s: answered otherwise than by Redis, %s", name, d)
		}
	}
}

// TestMachineKeepsTranscripts compares the state machine with replies that Redis once gave. It needs no Redis.
func TestMachineKeepsTranscripts(t *testing.T) {
	checkTranscripts(t, "testdata/*.txt", NewMachine(func() int64 { return time.Now().UnixMilli() }))
}

func TestTranscriptIsPrintedAsItWasRead(t *testing.T) {
	for name, transcript := range readTranscripts(t, "testdata/*.txt") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if transcript.String() != string(text) {
			t.Errorf("%s is not in the form that -update writes", name)
		}
	}
}

func TestBrokenTranscriptIsRefused(t *testing.T) {
	for _, text := range []string{"= +OK\\r\\n", "GET a\n# late", "GET \"a", "GET a\n= \\q", "GET a\n2= \\"} {
		if _, err := parseTranscript(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
