package lin

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// Write writes a history as one line of JSON for each operation, for Read. Of words and replies that are not UTF-8, it keeps only
// what JSON can.
func Write(w io.Writer, history []Operation) error {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	for _, op := range history {
		if err := lines.Encode(op); err != nil {
			return err
		}
	}
	return out.Flush()
}

// Read reads what Write wrote.
func Read(r io.Reader) (history []Operation, err error) {
	lines := json.NewDecoder(r)
	for {
		var op Operation
		err := lines.Decode(&op)
		if errors.Is(err, io.EOF) {
			return history, nil
		}
		if err != nil {
			return nil, err
		}
		history = append(history, op)
	}
}
