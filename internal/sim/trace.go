package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"strings"
	"time"
)

// trace writes down what happens, one event a line: virtual time in seconds, who, what. Nothing in the world looks at it, so
// that a run is the same with it and without.
type trace struct {
	out  io.Writer // nil: nobody listens, and nothing is formatted
	line []byte
}

func (t *trace) on() bool { return t.out != nil }

func (t *trace) write(now time.Duration, who, format string, args ...any) {
	t.line = fmt.Appendf(t.line[:0], "%11.6f %-4s ", now.Seconds(), who)
	t.line = fmt.Appendf(t.line, format, args...)
	t.line = append(t.line, '\n')
	_, _ = t.out.Write(t.line) // a reader that went away must not change the run
}

// Tail keeps the last lines of a trace, and a checksum of all of them. It is a Writer for Run.
type Tail struct {
	lines []string
	next  int
	sum   uint64
	count int
}

// NewTail returns one that keeps n lines.
func NewTail(n int) *Tail { return &Tail{lines: make([]string, n)} }

// Write takes one line.
func (t *Tail) Write(line []byte) (int, error) {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d ", t.sum)
	_, _ = h.Write(line)
	t.sum = h.Sum64()
	t.count++
	if len(t.lines) > 0 {
		t.lines[t.next] = string(line)
		t.next = (t.next + 1) % len(t.lines)
	}
	return len(line), nil
}

// Sum is a checksum over all lines so far, and Count how many they were.
func (t *Tail) Sum() uint64 { return t.sum }

// Count returns how many lines were written.
func (t *Tail) Count() int { return t.count }

// String returns the lines kept.
func (t *Tail) String() string {
	return strings.Join(append(append([]string(nil), t.lines[t.next:]...), t.lines[:t.next]...), "")
}

// traceLogger passes what the product logs on to the trace. Figures of real time are left out.
type traceLogger struct {
	w   *world
	who func() string
	// attrs are those of With, already formatted.
	attrs string
}

// Enabled implements slog.Handler.
func (l traceLogger) Enabled(context.Context, slog.Level) bool { return l.w.trace.on() }

// Handle implements slog.Handler.
func (l traceLogger) Handle(_ context.Context, record slog.Record) error {
	var text strings.Builder
	text.WriteString(l.attrs)
	record.Attrs(func(a slog.Attr) bool {
		writeAttr(&text, a)
		return true
	})
	l.w.trace.write(l.w.now, l.who(), "log: %s%s", record.Message, text.String())
	return nil
}

// WithAttrs implements slog.Handler.
func (l traceLogger) WithAttrs(attrs []slog.Attr) slog.Handler {
	var text strings.Builder
	for _, a := range attrs {
		writeAttr(&text, a)
	}
	l.attrs += text.String()
	return l
}

// WithGroup implements slog.Handler.
func (l traceLogger) WithGroup(string) slog.Handler { return l }

func writeAttr(text *strings.Builder, a slog.Attr) {
	if a.Value.Kind() != slog.KindDuration {
		fmt.Fprintf(text, " %s=%v", a.Key, a.Value)
	}
}
