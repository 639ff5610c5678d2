package replica

import (
	"fmt"
	"strings"
	"time"

	"redoubt/fsm"
	"redoubt/raft/core"
)

// DescribePayload renders the payload of a log entry on one line, for redoubt wal dump.
func DescribePayload(payload []byte) string {
	entry, err := decodeEntry(0, 0, payload)
	if err != nil {
		return "undecodable: " + err.Error()
	}
	at := time.UnixMilli(entry.Time).UTC().Format("2006-01-02T15:04:05.000Z")
	switch entry.Kind {
	case core.EntryNoop:
		return at + " no-op"
	case core.EntryConfiguration:
		configuration, err := core.DecodeConfiguration(entry.Data)
		if err != nil {
			return at + " undecodable: " + err.Error()
		}
		return at + " configuration" + describeMembers(configuration)
	default:
		return at + " " + describeBatch(entry.Data)
	}
}

// maxShownWord is how much of one word of a command is shown, in bytes.
const maxShownWord = 64

func describeBatch(data []byte) string {
	batch, err := fsm.DecodeBatch(data)
	if err != nil {
		return "undecodable: " + err.Error()
	}
	var commands []string
	for {
		command, ok, err := batch.Next()
		if err != nil {
			return "undecodable: " + err.Error()
		}
		if !ok {
			break
		}
		words := make([]string, len(command.Args))
		for i, word := range command.Args {
			words[i] = fmt.Sprintf("%q", word[:min(len(word), maxShownWord)])
			if len(word) > maxShownWord {
				words[i] += fmt.Sprintf("…(%d bytes)", len(word))
			}
		}
		commands = append(commands, strings.Join(words, " "))
	}
	if index, sum, ok := batch.Check(); ok {
		commands = append(commands, fmt.Sprintf("checksum %016x at index %d", sum, index))
	}
	if len(commands) == 0 {
		return "expiry"
	}
	return strings.Join(commands, "; ")
}

// DescribeImageMetadata renders the metadata of a snapshot image, for redoubt snapshot inspect.
func DescribeImageMetadata(metadata []byte) (string, error) {
	at, configuration, err := decodeImageMetadata(metadata)
	if err != nil {
		return "", err
	}
	return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z") + describeMembers(configuration), nil
}

func describeMembers(configuration core.Configuration) string {
	var text strings.Builder
	if configuration.Joint() {
		text.WriteString(" joint")
	}
	for _, m := range configuration.Members {
		fmt.Fprintf(&text, " %d=%s(%s)", m.ID, m.Address, describeRole(m))
	}
	return text.String()
}

// describeRole says whether a member votes, and in a joint configuration, in which of the two.
func describeRole(m core.Member) string {
	switch {
	case m.Voter && m.OldVoter:
		return "voter in both"
	case m.Voter:
		return "voter"
	case m.OldVoter:
		return "leaving voter"
	case m.Promote:
		return "learner to be promoted"
	default:
		return "learner"
	}
}
