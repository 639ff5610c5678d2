//go:build linux && !amd64 && !arm64

package vfs

// quickWrites is for systems whose pwrite takes the offset in one word.
type quickWrites struct{}
