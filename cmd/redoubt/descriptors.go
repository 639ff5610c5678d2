package main

import (
	"log/slog"
	"syscall"

	"redoubt/conf"
)

// fixedDescriptors is how many files and sockets a node may open beside those of clients and the log: peers, images, listeners.
const fixedDescriptors = 128

// clientCeiling returns how many clients the process has file descriptors for, and warns if those are fewer than the
// settings ask for. (Go raises the process's limit to the hard one at its start.)
func clientCeiling(config conf.Config, logger *slog.Logger) int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		logger.Warn("the limit on open files is not known", "error", err)
		return 0
	}
	ceiling := clientsWithin(uint64(limit.Cur), ownDescriptors(config))
	if ceiling < config.MaxClients {
		logger.Warn("fewer clients are let in than maxclients: the limit on open files is too low",
			"maxclients", config.MaxClients, "clients", ceiling, "open_files", limit.Cur)
	}
	return ceiling
}

// ownDescriptors returns how many files and sockets a node keeps for itself. All segments of the log are open, which reaches back
// to the older of two images while a third is written. A node that cannot open a file cannot go on (P6).
func ownDescriptors(config conf.Config) uint64 {
	return fixedDescriptors + uint64(3*config.SnapshotLogBytes/config.WALSegmentBytes)
}

// clientsWithin returns how many clients a limit on open files leaves room for, beside a node's own: at least half of it.
func clientsWithin(files, own uint64) int {
	files = min(files, 1<<31) // it may be without bound
	return max(1, int(files-min(own, files/2)))
}
