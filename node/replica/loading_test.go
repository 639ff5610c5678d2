package replica

import (
	"strings"
	"testing"

	"redoubt/resp"
)

func TestP2AReplicaThatIsStillLoadingServesNoReads(t *testing.T) {
	s := startSole(t, nil)
	s.expect("+OK\r\n", "SET k v")
	read := func() string {
		b := resp.Batch{ReadOnly: true, Ops: ops("GET k")}
		q := s.NewRequest(func() {})
		q.batch, q.ops = &b, b.Ops
		q.aside() // as on a node that follows
		return string(b.Reply.Buf)
	}
	if got := read(); got != "$1\r\nv\r\n" {
		t.Fatalf("a replica that has caught up answered %q", got)
	}
	// As after a restart, before the log that was known to be committed is applied again.
	s.bootCommit = s.Index() + 1
	if got := read(); !strings.HasPrefix(got, "-LOADING ") {
		t.Errorf("a replica that has not caught up with its own past answered %q, want LOADING", got)
	}
}
