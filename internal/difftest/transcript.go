package difftest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// A transcript is a text of cases, each of which starts on an empty keyspace, with Redis's replies:
//
//	# GETRANGE takes places from the end.
//	SET k "line\r\n"
//	= +OK\r\n
//	GETRANGE k -2 -1
//	= $2\r\n\r\n\r\n
//	GET missing
//	2= $-1\r\n
//	3= _\r\n
//
// An empty line ends a case. Replies that differ between RESP2 and RESP3 have a line for each. To add a case, write
// its commands, and let the test fill in the replies:
//
//	go test -tags redis ./internal/difftest -run Transcripts -update
type transcript struct{ cases []transcriptCase }

// transcriptCase is one case.
type transcriptCase struct {
	// line is where the case begins in its file.
	line     int
	comments []string
	steps    []step
}

// step is a command with the replies to it in RESP2 and RESP3, nil if they have not been recorded.
type step struct {
	command Command
	replies [2][]byte
}

// script returns the commands of the case.
func (c *transcriptCase) script(proto int) Script {
	s := Script{Proto: proto}
	for _, step := range c.steps {
		s.Commands = append(s.Commands, step.command)
	}
	return s
}

// parseTranscript reads a transcript. The error says in which line it is malformed.
func parseTranscript(text string) (*transcript, error) {
	t := &transcript{}
	fresh := true
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			fresh = true
			continue
		}
		if fresh {
			t.cases = append(t.cases, transcriptCase{line: number})
			fresh = false
		}
		if err := t.cases[len(t.cases)-1].parseLine(line); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	return t, nil
}

func (c *transcriptCase) parseLine(line string) error {
	if comment, ok := strings.CutPrefix(line, "#"); ok {
		if len(c.steps) > 0 {
			return errors.New("a comment belongs before the commands of a case")
		}
		c.comments = append(c.comments, comment)
		return nil
	}
	for prefix, protos := range map[string][]int{"= ": {2, 3}, "2= ": {2}, "3= ": {3}} {
		quoted, ok := strings.CutPrefix(line, prefix)
		if !ok {
			continue
		}
		if len(c.steps) == 0 {
			return errors.New("a reply without a command")
		}
		reply, err := unescape(quoted)
		if err != nil {
			return err
		}
		for _, proto := range protos {
			c.steps[len(c.steps)-1].replies[proto-2] = reply
		}
		return nil
	}
	command, err := parseCommand(line)
	if err != nil {
		return err
	}
	c.steps = append(c.steps, step{command: command})
	return nil
}

// String prints the transcript as parseTranscript reads it.
func (t *transcript) String() string {
	var b strings.Builder
	for i, c := range t.cases {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, comment := range c.comments {
			fmt.Fprintf(&b, "#%s\n", comment)
		}
		for _, s := range c.steps {
			fmt.Fprintf(&b, "%s\n", quoteCommand(s.command))
			if bytes.Equal(s.replies[0], s.replies[1]) {
				fmt.Fprintf(&b, "= %s\n", quoteReply(s.replies[0]))
			} else {
				fmt.Fprintf(&b, "2= %s\n3= %s\n", quoteReply(s.replies[0]), quoteReply(s.replies[1]))
			}
		}
	}
	return b.String()
}

// check runs the cases and returns a description of each difference from the recorded replies.
func (t *transcript) check(e Executor) (differences []string, err error) {
	for _, c := range t.cases {
		for proto := 2; proto <= 3; proto++ {
			script := c.script(proto)
			observations, err := observe(e, script)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", c.line, err)
			}
			for i, o := range observations {
				recorded := observation{c.steps[i].replies[proto-2], o.before}
				if !agree(script.Commands[i], o, recorded) {
					differences = append(differences, fmt.Sprintf("case of line %d, RESP%d: %s\nreply:    %s\nrecorded: %s",
						c.line, proto, quoteCommand(script.Commands[i]),
						abridged(o.reply, recorded.reply), abridged(recorded.reply, o.reply)))
					break
				}
			}
		}
	}
	return differences, nil
}
