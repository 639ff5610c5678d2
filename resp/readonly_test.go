package resp

import "testing"

// last returns what the newest batch said of reads.
func (f *fakeReplica) last() (readOnly, linearizable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.readOnly[len(f.readOnly)-1], f.linearizable[len(f.linearizable)-1]
}

func TestReadOnlySaysHowToRead(t *testing.T) {
	s := start(t, nil)
	c, admin := s.dial(t), s.dial(t)
	for _, step := range []struct {
		setting, command       string
		readOnly, linearizable bool
	}{
		{"stale", "READWRITE", false, false},
		{"stale", "READONLY", true, false},
		{"linearizable", "PING", true, true},
		{"linearizable", "READONLY STALE", true, false},
		{"stale", "readonly linearizable", true, true},
		{"linearizable", "READWRITE", false, false},
		{"linearizable", "READONLY", true, true},
		{"stale", "PING", true, false},
		{"stale", "READONLY LINEARIZABLE", true, true},
		{"stale", "RESET", false, false},
	} {
		admin.want("CONFIG SET replica-reads "+step.setting, "OK")
		admin.want("CONFIG GET replica-reads", "[replica-reads "+step.setting+"]")
		c.send(step.command + "\r\n")
		c.reply()
		c.want("GET nothing", "<nil>")
		if readOnly, linearizable := s.replica.last(); readOnly != step.readOnly || linearizable != step.linearizable {
			t.Errorf("replica-reads %s, then %s: reads on a replica %t, linearizable %t; want %t, %t",
				step.setting, step.command, readOnly, linearizable, step.readOnly, step.linearizable)
		}
	}
	c.want("READONLY now", "-ERR syntax error")
	c.want("READONLY stale linearizable", "-ERR syntax error")
	admin.want("CONFIG SET replica-reads fresh", "-ERR CONFIG SET failed (possibly related to argument 'replica-reads') - argument(s) must be one of the following: stale, linearizable")
}

func TestReplicaReadsIsAnOption(t *testing.T) {
	s := start(t, func(o *Options) { o.LinearizableReplicas = true })
	s.dial(t).want("CONFIG GET replica-reads", "[replica-reads linearizable]")
}
