package difftest

// Shrink returns a difference with as few commands as dropping them can reach: every command that is left
// is needed. The command that is answered differently keeps its name, so that shrinking does not wander off
// to another bug.
func Shrink(ours, theirs Executor, d *Difference) (*Difference, error) {
	best := d.cut()
	for size := len(best.Script.Commands) / 2; size > 0; {
		smaller, err := dropOnce(ours, theirs, best, size)
		if err != nil {
			return nil, err
		}
		if smaller == nil {
			size /= 2
			continue
		}
		best = smaller
		size = min(size, len(best.Script.Commands)/2)
	}
	return best, nil
}

// dropOnce drops the first run of size commands that the difference does not need. It returns nil if all
// runs of that size are needed.
func dropOnce(ours, theirs Executor, d *Difference, size int) (*Difference, error) {
	all := d.Script.Commands
	// The last command is the one that differs.
	for start := 0; start+size < len(all); start++ {
		script := d.Script
		script.Commands = append(append([]Command{}, all[:start]...), all[start+size:]...)
		got, err := Compare(ours, theirs, script)
		if err != nil {
			return nil, err
		}
		if got != nil && nameOf(got.Script.Commands[got.At]) == nameOf(all[len(all)-1]) {
			return got.cut(), nil
		}
	}
	return nil, nil
}

// cut drops the commands behind the difference.
func (d *Difference) cut() *Difference {
	c := *d
	c.Script.Commands = c.Script.Commands[:c.At+1]
	return &c
}
