package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// markdown renders a suite: a title, where the figures come from, the table, the notes.
func (s *suiteResult) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "## %s\n\n%s\n\n", s.Title, s.About)
	fmt.Fprintf(&out, "%s, %s. %s\n", s.Started.UTC().Format("2006-01-02 15:04 UTC"), s.Setting, s.Machine)
	if reason := s.Machine.NotIdleReason; reason != "" {
		fmt.Fprintf(&out, "\n**The machine was not idle: %s. Do not record these figures.**\n", reason)
	}
	out.WriteByte('\n')
	header, lines := s.table()
	writeTable(&out, header, lines)
	for _, note := range s.Notes {
		fmt.Fprintf(&out, "\n%s\n", note)
	}
	if s.Failed != "" {
		fmt.Fprintf(&out, "\n**The suite ended early: %s**\n", s.Failed)
	}
	return out.String()
}

// table returns the header and the lines of a suite's table.
func (s *suiteResult) table() (header []string, lines [][]string) {
	switch s.Layout {
	case layoutRates:
		return s.tableOfRates()
	case layoutSpread:
		return s.tableOfSpread()
	}
	return s.tableLong()
}

func (s *suiteResult) tableOfRates() (header []string, lines [][]string) {
	header = []string{""}
	for _, system := range s.Systems {
		header = append(header, system.Name+", requests/s")
	}
	header = append(header, "ratio")
	for _, system := range s.Systems {
		header = append(header, system.Name+", p50 / p99 / p99.9 ms")
	}
	for _, r := range s.Rows {
		line := []string{r.Case}
		for _, system := range s.Systems {
			line = append(line, s.cell(r, system.Key, "rate"))
		}
		line = append(line, s.ratioCell(r, "rate"))
		for _, system := range s.Systems {
			line = append(line, strings.Join([]string{
				s.cell(r, system.Key, "p50"), s.cell(r, system.Key, "p99"), s.cell(r, system.Key, "p999"),
			}, " / "))
		}
		lines = append(lines, line)
	}
	return header, lines
}

func (s *suiteResult) tableLong() (header []string, lines [][]string) {
	header = []string{"", "figure"}
	for _, system := range s.Systems {
		header = append(header, system.Name)
	}
	header = append(header, "ratio", "better is")
	for _, r := range s.Rows {
		of := r.Case
		for _, m := range s.Metrics {
			line := []string{of, fmt.Sprintf("%s, %s", m.Name, m.Unit)}
			known := false
			for _, system := range s.Systems {
				_, ok := r.median(system.Key, m.Key)
				known = known || ok
				line = append(line, s.cell(r, system.Key, m.Key))
			}
			if !known {
				continue
			}
			better := "more"
			if m.LessIsBetter {
				better = "less"
			}
			lines = append(lines, append(line, s.ratioCell(r, m.Key), better))
			of = ""
		}
	}
	return header, lines
}

func (s *suiteResult) tableOfSpread() (header []string, lines [][]string) {
	m := s.Metrics[0]
	header = []string{""}
	for _, system := range s.Systems {
		header = append(header, fmt.Sprintf("%s, median %s", system.Name, m.Unit), "worst", "samples")
	}
	for _, r := range s.Rows {
		line := []string{r.Case}
		for _, system := range s.Systems {
			samples := r.Samples[system.Key][m.Key]
			if len(samples) == 0 {
				line = append(line, absent, absent, absent)
				continue
			}
			worst := slices.Max(samples)
			if !m.LessIsBetter {
				worst = slices.Min(samples)
			}
			line = append(line, formatNumber(median(samples)), formatNumber(worst), strconv.Itoa(len(samples)))
		}
		lines = append(lines, line)
	}
	return header, lines
}

// absent stands where there is no figure.
const absent = "–"

func (s *suiteResult) cell(r *row, system, metric string) string {
	if value, ok := r.median(system, metric); ok {
		return formatNumber(value)
	}
	return absent
}

func (s *suiteResult) ratioCell(r *row, metric string) string {
	if ratio, ok := s.ratio(r, metric); ok {
		return fmt.Sprintf("%.2f", ratio)
	}
	return absent
}

// formatNumber shows three digits or so, and groups those of a large number.
func formatNumber(value float64) string {
	size := math.Abs(value)
	switch {
	case size >= 1000:
		return grouped(int64(math.Round(value)))
	case size >= 100:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(value, 'f', 1, 64)
	case size >= 0.1 || size == 0:
		return strconv.FormatFloat(value, 'f', 2, 64)
	}
	return strconv.FormatFloat(value, 'f', 3, 64)
}

// grouped writes a number with a comma between each three digits.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// writeTable writes a Markdown table whose columns stand below each other; all but those of words are aligned right.
func writeTable(out *strings.Builder, header []string, lines [][]string) {
	widths := make([]int, len(header))
	for _, line := range append([][]string{header}, lines...) {
		for i, cell := range line {
			widths[i] = max(widths[i], len([]rune(cell)), 3)
		}
	}
	write := func(line []string) {
		for i, cell := range line {
			padding := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if leftAligned(header[i]) {
				fmt.Fprintf(out, "| %s%s ", cell, padding)
			} else {
				fmt.Fprintf(out, "| %s%s ", padding, cell)
			}
		}
		out.WriteString("|\n")
	}
	write(header)
	for i, width := range widths {
		if leftAligned(header[i]) {
			fmt.Fprintf(out, "|%s", strings.Repeat("-", width+2))
		} else {
			fmt.Fprintf(out, "|%s:", strings.Repeat("-", width+1))
		}
	}
	out.WriteString("|\n")
	for _, line := range lines {
		write(line)
	}
}

func leftAligned(header string) bool {
	return header == "" || header == "figure" || header == "better is"
}
