package main

import (
	"fmt"
	"os/exec"
	"strings"
)

// command runs a program with what it reads, and returns what it printed.
func command(input string, words ...string) (string, error) {
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(words, " "), err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
