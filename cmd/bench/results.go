package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// report is what a file of figures holds: each suite as it was last run, in the order of the suites.
type report struct {
	Suites []*suiteResult `json:"suites"`
}

// suiteResult is one suite, measured.
type suiteResult struct {
	Name    string    `json:"name"`
	Title   string    `json:"title"`
	About   string    `json:"about"` // what was done and what is compared
	Layout  layout    `json:"layout"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Machine machine   `json:"machine"`
	Setting string    `json:"setting"` // runs, requests and the like
	Systems []named   `json:"systems"` // ours first
	Metrics []metric  `json:"metrics"`
	Rows    []*row    `json:"rows"`
	Notes   []string  `json:"notes,omitempty"`
	Failed  string    `json:"failed,omitempty"` // why the suite ended early
}

// named is a key of the file and its name for people.
type named struct {
	Key  string `json:"key"`
	Name string `json:"name"`
}

// metric is a kind of figure. The first of a suite is the one that it is about.
type metric struct {
	Key          string `json:"key"`
	Name         string `json:"name"`
	Unit         string `json:"unit"`
	LessIsBetter bool   `json:"less_is_better,omitempty"`
}

// row is one case. Samples are by system and by metric, one for each run.
type row struct {
	Case    string                          `json:"case"`
	Group   string                          `json:"group,omitempty"` // rows of a group are one line of a chart
	X       float64                         `json:"x,omitempty"`     // where on it; 0: the suite is drawn as bars
	Samples map[string]map[string][]float64 `json:"samples"`
	Medians map[string]map[string]float64   `json:"medians"`
}

// layout is how a suite's table looks.
type layout string

const (
	layoutRates  layout = "rates"  // a line for each case: requests a second, their ratio, latencies
	layoutLong   layout = "long"   // a line for each case and metric
	layoutSpread layout = "spread" // a line for each case: median, worst and number of samples
)

// rateMetrics are those of layoutRates.
func rateMetrics() []metric {
	return []metric{
		{Key: "rate", Name: "throughput", Unit: "requests/s"},
		{Key: "p50", Name: "p50", Unit: "ms", LessIsBetter: true},
		{Key: "p99", Name: "p99", Unit: "ms", LessIsBetter: true},
		{Key: "p999", Name: "p99.9", Unit: "ms", LessIsBetter: true},
	}
}

// note adds a line below the table, once.
func (s *suiteResult) note(text string) {
	if !slices.Contains(s.Notes, text) {
		s.Notes = append(s.Notes, text)
	}
}

// row returns the row of a case, new at the end if there is none.
func (s *suiteResult) row(of, group string, x float64) *row {
	for _, r := range s.Rows {
		if r.Case == of {
			return r
		}
	}
	r := &row{Case: of, Group: group, X: x, Samples: make(map[string]map[string][]float64), Medians: make(map[string]map[string]float64)}
	s.Rows = append(s.Rows, r)
	return r
}

// add notes one run's figure.
func (r *row) add(system, metric string, value float64) {
	if r.Samples[system] == nil {
		r.Samples[system], r.Medians[system] = make(map[string][]float64), make(map[string]float64)
	}
	r.Samples[system][metric] = append(r.Samples[system][metric], value)
	r.Medians[system][metric] = median(r.Samples[system][metric])
}

func (r *row) addRates(system string, of rates) {
	r.add(system, "rate", of.perSecond)
	r.add(system, "p50", of.p50)
	r.add(system, "p99", of.p99)
	r.add(system, "p999", of.p999)
}

// median returns a case's figure, if there is one.
func (r *row) median(system, metric string) (value float64, ok bool) {
	value, ok = r.Medians[system][metric]
	return value, ok
}

// ratio returns the first system's figure over the second's, if there are both.
func (s *suiteResult) ratio(r *row, metric string) (float64, bool) {
	if len(s.Systems) < 2 {
		return 0, false
	}
	ours, ok1 := r.median(s.Systems[0].Key, metric)
	theirs, ok2 := r.median(s.Systems[1].Key, metric)
	if !ok1 || !ok2 || theirs == 0 {
		return 0, false
	}
	return ours / theirs, true
}

// put adds a suite, in place of an earlier run of it, and keeps the order of the suites.
func (r *report) put(s *suiteResult) {
	r.Suites = slices.DeleteFunc(r.Suites, func(old *suiteResult) bool { return old.Name == s.Name })
	r.Suites = append(r.Suites, s)
	order := make(map[string]int)
	for i, s := range suites() {
		order[s.name] = i
	}
	slices.SortStableFunc(r.Suites, func(a, b *suiteResult) int { return order[a.Name] - order[b.Name] })
}

// readReport reads a file of figures. One that is not there is empty.
func readReport(file string) (*report, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &report{}, nil
	}
	if err != nil {
		return nil, err
	}
	r := &report{}
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%s is no file of figures: %w", file, err)
	}
	return r, nil
}

// write puts the figures into a file, which is replaced as a whole.
func (r *report) write(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
