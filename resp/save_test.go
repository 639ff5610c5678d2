package resp

import "testing"

func TestBgsave(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	saving, scheduled := false, false
	s.replica.snapshot = func(schedule bool) (started bool, err error) {
		switch {
		case !saving:
			saving = true
			return true, nil
		case !schedule:
			return false, ErrSaving
		}
		scheduled = true
		return false, nil
	}
	for _, wrong := range []string{"BGSAVE now", "BGSAVE SCHEDULE SCHEDULE"} {
		if c.want(wrong, "-ERR syntax error"); saving {
			t.Fatalf("%s began a snapshot", wrong)
		}
	}
	c.want("bgsave", "Background saving started")
	if c.want("BGSAVE", "-ERR Background save already in progress"); scheduled {
		t.Error("BGSAVE without SCHEDULE scheduled a snapshot")
	}
	if c.want("BGSAVE schedule", "Background saving scheduled"); !scheduled {
		t.Error("BGSAVE SCHEDULE scheduled no snapshot")
	}
	saving = false
	c.want("BGSAVE SCHEDULE", "Background saving started")
	s.replica.snapshot = func(bool) (bool, error) { return false, ReplyError("ERR there is a reason") }
	c.want("BGSAVE", "-ERR there is a reason")
	c.want("COMMAND INFO bgsave lastsave", "[[bgsave -1 [admin noscript no_async_loading] 0 0 0 [@admin @slow @dangerous] [] [] []] "+
		"[lastsave 1 [loading stale fast] 0 0 0 [@admin @fast @dangerous] [nondeterministic_output] [] []]]")
}

func TestLastSaveAndInfoTellTheSame(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("LASTSAVE", "0")
	c.want("LASTSAVE now", "-ERR wrong number of arguments for 'lastsave' command")
	s.replica.mu.Lock()
	s.replica.status.LastSnapshotTime, s.replica.status.SnapshotRunning = 1_700_000_000, true
	s.replica.mu.Unlock()
	c.want("LASTSAVE", "1700000000")
	c.send("INFO persistence\r\n")
	values, _ := fields(c.reply().(string))
	if values["rdb_last_save_time"] != "1700000000" || values["rdb_bgsave_in_progress"] != "1" {
		t.Errorf("INFO persistence tells %v", values)
	}
}
