package main

import (
	"errors"
	"fmt"
	"os/exec"
	"testing"

	"redoubt/conf"
)

func TestExitCodesTellARefusalFromAFailure(t *testing.T) {
	refused := errors.New("settings: no such thing")
	if got := codeOf(refused); got != exitRefused {
		t.Errorf("a refused start exits with %d, want %d", got, exitRefused)
	}
	failed := fmt.Errorf("wrapped: %w", fatalError{errors.New("the disk is gone")})
	if got := codeOf(failed); got != exitFailed {
		t.Errorf("a node that fails while it runs exits with %d, want %d", got, exitFailed)
	}
}

func TestOnlyARefusalEndsTheLocalCluster(t *testing.T) {
	for code, want := range map[int]bool{0: false, exitRefused: true, exitFailed: false} {
		err := exec.Command("sh", "-c", fmt.Sprint("exit ", code)).Run()
		if got := refused(err); got != want {
			t.Errorf("a member that exits with %d counts as refused: %t, want %t", code, got, want)
		}
	}
	if err := exec.Command("sh", "-c", "kill -9 $$").Run(); refused(err) {
		t.Error("a member that was killed counts as refused")
	}
}

func TestClientsLeaveFileDescriptorsToTheNode(t *testing.T) {
	own := ownDescriptors(conf.Config{SnapshotLogBytes: 256 << 20, WALSegmentBytes: 64 << 20})
	for files, want := range map[uint64]int{0: 1, 100: 50, 1024: 884, 1 << 20: 1<<20 - 140, 1<<64 - 1: 1<<31 - 140} {
		if got := clientsWithin(files, own); got != want {
			t.Errorf("with %d open files %d clients are let in, want %d", files, got, want)
		}
	}
}
