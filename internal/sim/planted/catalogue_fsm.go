package planted

// stateMachine are bugs of the state machine: sessions, deadlines, views and images.
var stateMachine = []Bug{
	{Name: "sessions-left-out-of-the-image", Scenarios: []int{50, 35}, Edits: []Edit{
		{File: "fsm/snapshot.go", Old: `	s.sessions(&t.sessions)
`,
			New: ``},
	}},
	{Name: "sessions-expire-unless-a-snapshot-runs", Scenarios: []int{44, 47}, Edits: []Edit{
		{File: "fsm/session_table.go", Old: `if len(t.deadlines) == 0 || t.deadlines[0].deadline() > logTime {`,
			New: `if len(t.deadlines) == 0 || t.shared != 0 || t.deadlines[0].deadline() > logTime {`},
	}},
	{Name: "once-forgets-errors", Scenarios: []int{50}, Edits: []Edit{
		{File: "fsm/once.go", Old: `s != nil {
		m.sessions.record`,
			New: `s != nil && (reply == "" || reply[0] != '-') {
		m.sessions.record`},
	}},
	{Name: "once-recorded-only-where-the-client-waits", Scenarios: []int{50, 47}, Edits: []Edit{
		{File: "fsm/once.go", Old: `s != nil {
		m.sessions.record`,
			New: `s != nil && !w.Discard {
		m.sessions.record`},
	}},
	{Name: "once-forgets-inside-its-window", Scenarios: []int{50}, Edits: []Edit{
		{File: "fsm/session.go", Old: `s.forgets(s.done[below].sequence) {
`,
			New: `s.done[below].sequence < sequence {
`},
	}},
	{Name: "session-not-renewed", Scenarios: []int{50}, Edits: []Edit{
		{File: "fsm/session_table.go", Old: `	s.active, s.used = logTime, t.uses
`,
			New: `	s.used = t.uses
`},
	}},
	{Name: "session-ids-from-the-count", Scenarios: []int{50}, Edits: []Edit{
		{File: "fsm/session_table.go", Old: `	t.lastID++
`,
			New: `	t.lastID = uint64(t.count) + 1
`},
	}},
	{Name: "sessions-not-copied-for-a-snapshot", Scenarios: []int{50, 47}, Edits: []Edit{
		{File: "fsm/session_table.go", Old: `	if s.epoch > t.shared {
		// A`,
			New: `	if s.epoch > 0 {
		// A`},
	}},
	{Name: "keys-not-copied-for-a-snapshot", Scenarios: []int{47}, Edits: []Edit{
		{File: "fsm/keyspace.go", Old: `return k.shared == 0 || it.fresh()`,
			New: `return k.shared == 0 || it != 0`},
	}},
	{Name: "memory-of-a-snapshot-used-again", Scenarios: []int{47}, Edits: []Edit{
		{File: "fsm/keyspace.go", Old: `	if owned {
`,
			New: `	if owned || h != 0 {
`},
	}},
	{Name: "replies-kept-as-the-client-speaks", Scenarios: []int{47}, Edits: []Edit{
		{File: "fsm/canonical.go", Old: `Proto: 3, final: final`,
			New: `Proto: final.Proto, final: final`},
	}},
	{Name: "deadline-from-the-local-clock", Scenarios: []int{44, 47}, Edits: []Edit{
		{File: "fsm/strings.go", Old: `		deadline += c.now
`,
			New: `		deadline += c.now
		if c.w.Discard {
			deadline += 500 // as if this machine were ahead
		}
`},
	}},
	{Name: "persist-brings-an-expired-key-back", Scenarios: []int{44}, Edits: []Edit{
		{File: "fsm/machine.go", Old: `const expirePerEntry = 1000`,
			New: `const expirePerEntry = 1`},
		{File: "fsm/expire.go", Old: `	at := placeOf(c.args[1])
	e := c.find(at)
	if e == nil || e.deadline() == 0 {
		c.w.Int(0)
		return
	}
	c.m.keys.setDeadline(c.writable(at, 0), 0)`,
			New: `	at := placeOf(c.args[1])
	e := c.m.keys.get(at)
	if e == nil || e.deadline() == 0 {
		c.w.Int(0)
		return
	}
	c.m.keys.setDeadline(c.m.keys.edit(at), 0)`},
	}},
	{Name: "append-to-an-expired-key", Scenarios: []int{44}, Edits: []Edit{
		{File: "fsm/machine.go", Old: `const expirePerEntry = 1000`,
			New: `const expirePerEntry = 1`},
		{File: "fsm/call.go", Old: `	if e != nil && e.dueAt(c.m.logTime) {
`,
			New: `	if e != nil && e.dueAt(0) {
`},
	}},
	{Name: "read-expires-by-the-clock", Scenarios: []int{44}, Edits: []Edit{
		{File: "fsm/call.go", Old: `	if deadline <= c.now {
		c.due = true
	}
`,
			New: `	if deadline <= c.now {
		return nil
	}
`},
	}},
	{Name: "read-ignores-what-is-due", Scenarios: []int{44}, Edits: []Edit{
		{File: "fsm/call.go", Old: `	if deadline <= c.now {
		c.due = true
	}
`,
			New: ``},
	}},
	{Name: "due-keys-leave-in-heap-order", Scenarios: []int{45, 47}, Edits: []Edit{
		{File: "fsm/machine.go", Old: `const expirePerEntry = 1000`,
			New: `const expirePerEntry = 1`},
		{File: "fsm/deadline.go", Old: `bytes.Compare(d.record(a).key(), d.record(b).key()) < 0
`,
			New: `bytes.Compare(d.record(a).key(), nil) < 0
`},
	}},
	{Name: "mset-applies-half", Scenarios: []int{51}, Edits: []Edit{
		{File: "fsm/strings.go", Old: `	for i := 1; i < len(c.args); i += 2 {
		c.store(c.args[i], c.args[i+1])
	}
	c.w.Simple("OK")`,
			New: `	for i := 1; i < len(c.args); i += 4 {
		c.store(c.args[i], c.args[i+1])
	}
	c.w.Simple("OK")`},
	}},
	{Name: "image-forgets-deadlines", Scenarios: []int{44, 47}, Edits: []Edit{
		{File: "fsm/load.go", Old: `	e := m.keys.insertRecord(at, &f, room)
	m.keys.setDeadline(e, deadline)
`,
			New: `	m.keys.insertRecord(at, &f, room)
`},
	}},
	{Name: "due-keys-stay-for-ever", Scenarios: []int{44}, Edits: []Edit{
		{File: "fsm/machine.go", Old: `const expirePerEntry = 1000`,
			New: `const expirePerEntry = 0`},
	}},
	{Name: "checksum-of-the-machine", Scenarios: []int{47}, Edits: []Edit{
		{File: "fsm/checksum.go", Old: `uint64(k.count), uint64(k.bytes)`,
			New: `uint64(k.count), m.expired, uint64(k.bytes)`},
	}},
}
