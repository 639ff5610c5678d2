// Package e2e shows from the outside what Redoubt promises: it starts real processes, uses them with the clients
// that people use, kills and pauses them under load, and compares what was acknowledged with what is there.
//
// Its tests need a Redis client program and Debian's python3-redis, so they stand behind build tags: e2e for the
// tests of processes on this machine, compose for those of the compose cluster (see .ci/compose-test). Under its
// tag, whatever is missing is a failure.
package e2e
