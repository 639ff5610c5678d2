package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sample is a suite with figures, some of which are missing.
func sample(l layout, x float64) *suiteResult {
	s := &suiteResult{
		Name: "classic", Title: "A title <&>", About: "What it is.", Layout: l, Setting: "medians of 3 runs",
		Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Machine: machine{CPU: "A & B", Cores: 2, Redis: "7.0.15"},
		Systems: []named{{"redoubt", "Redoubt"}, {"redis", "Redis"}}, Metrics: rateMetrics(),
	}
	for i, of := range []string{"SET c=50 P=1", "SET c=50 P=16"} {
		for _, perSecond := range []float64{90000, 110000, 100000} {
			s.row(of, "SET", x*float64(i+1)).addRates("redoubt", rates{perSecond * float64(i+1), 0.5, 1.25, 12.5})
			s.row(of, "SET", x*float64(i+1)).addRates("redis", rates{perSecond / 2, 1, 2, 300})
		}
	}
	s.row("SET only ours", "SET", x*4).addRates("redoubt", rates{1234.5, 0.0123, 1, 2})
	return s
}

func TestTableOfRates(t *testing.T) {
	text := sample(layoutRates, 0).markdown()
	for _, want := range []string{
		"## A title <&>\n\nWhat it is.\n",
		"2026-01-02 03:04 UTC, medians of 3 runs. 2 × A & B;",
		"|               | Redoubt, requests/s | Redis, requests/s | ratio | Redoubt, p50 / p99 / p99.9 ms | Redis, p50 / p99 / p99.9 ms |",
		"| SET c=50 P=1  |             100,000 |            50,000 |  2.00 |            0.50 / 1.25 / 12.5 |           1.00 / 2.00 / 300 |",
		"| SET c=50 P=16 |             200,000 |            50,000 |  4.00 |",
		"| SET only ours |               1,235 |                 – |     – |           0.012 / 1.00 / 2.00 |                   – / – / – |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "not idle") {
		t.Errorf("an idle machine is warned of:\n%s", text)
	}
}

func TestTableWarnsAndTellsOfFailures(t *testing.T) {
	s := sample(layoutRates, 0)
	s.Machine.NotIdleReason, s.Failed, s.Notes = "it was busy", "no luck", []string{"A note."}
	text := s.markdown()
	for _, want := range []string{"it was busy. Do not record these figures", "ended early: no luck", "\nA note.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestTableLong(t *testing.T) {
	text := sample(layoutLong, 0).markdown()
	for _, want := range []string{
		"| SET c=50 P=1  | throughput, requests/s | 100,000 | 50,000 |  2.00 | more      |",
		"|               | p99, ms                |    1.25 |   2.00 |  0.62 | less      |",
		"| SET only ours | throughput, requests/s |   1,235 |      – |     – | more      |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestTableOfSpread(t *testing.T) {
	s := sample(layoutSpread, 0)
	s.Metrics = s.Metrics[1:2]
	s.Rows[0].add("redoubt", "p50", 900)
	text := s.markdown()
	text = strings.ReplaceAll(text, " ", "")
	for _, want := range []string{"|Redoubt,medianms|worst|samples|", "|SETc=50P=1|0.50|900|4|1.00|1.00|3|", "|0.012|0.012|1|–|–|–|"} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestNumbersForPeople(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0.00", 0.01234: "0.012", 0.5: "0.50", 12.34: "12.3", 123.4: "123", 1234.5: "1,235", 1234567: "1,234,567", -1234: "-1,234", 999999: "999,999",
	} {
		if got := formatNumber(value); got != want {
			t.Errorf("%v is shown as %s, want %s", value, got, want)
		}
	}
}

func TestPicturesAreXML(t *testing.T) {
	for name, s := range map[string]*suiteResult{
		"bars": sample(layoutRates, 0), "lines": sample(layoutRates, 16), "long": sample(layoutLong, 0), "spread": sample(layoutSpread, 0),
	} {
		picture := s.svg()
		decoder := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v:\n%s", name, err, picture)
			}
		}
		for _, bad := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(picture, bad) {
				t.Errorf("%s has %s:\n%s", name, bad, picture)
			}
		}
		if !strings.Contains(picture, "A title &lt;&amp;&gt;") || !strings.Contains(picture, "2.00") {
			t.Errorf("%s lacks its title or a ratio:\n%s", name, picture)
		}
	}
	if got := (&suiteResult{Metrics: rateMetrics(), Layout: layoutRates}).svg(); got != "" {
		t.Errorf("a picture of nothing: %s", got)
	}
}

func TestAxisReachesTheHighest(t *testing.T) {
	for highest, want := range map[float64]float64{0: 1, 0.031: 0.04, 1: 1, 5: 6, 7.9: 8, 8.1: 10, 123456: 200000} {
		if got := niceTop(highest); got < want*0.999 || got > want*1.001 {
			t.Errorf("an axis for %v reaches %v, want %v", highest, got, want)
		}
	}
}

func TestFiguresSurviveTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "figures.json")
	first, err := readReport(file)
	if err != nil || len(first.Suites) != 0 {
		t.Fatalf("a file that is not there: %v, %v", first, err)
	}
	outage, classic := sample(layoutSpread, 0), sample(layoutRates, 0)
	outage.Name = "outage"
	first.put(outage)
	first.put(classic)
	if err := first.write(file); err != nil {
		t.Fatal(err)
	}
	second, err := readReport(file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(first, second) {
		t.Errorf("got %+v\nwant %+v", second, first)
	}
	again := sample(layoutRates, 0)
	again.Title = "again"
	second.put(again)
	if len(second.Suites) != 2 || second.Suites[0].Title != "again" || second.Suites[1].Name != "outage" {
		t.Errorf("a suite that is run again does not take the place of the old: %+v", second.Suites)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readReport(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a damaged file: %v", err)
	}
}

func TestPageShowsEachSuite(t *testing.T) {
	dir := t.TempDir()
	figures := &report{}
	figures.put(sample(layoutRates, 0))
	figures.put(&suiteResult{Name: "outage", Title: "Nothing was measured", Failed: "no luck"})
	if err := figures.draw(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, page))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"## A title", "![A title <&>](classic.svg)", "## Nothing was measured", "no luck"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "classic.svg")); err != nil {
		t.Error(err)
	}
}
