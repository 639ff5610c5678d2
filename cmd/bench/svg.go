package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// page is the name of the page that shows all tables and pictures.
const page = "README.md"

// draw writes a picture for each suite that has figures, and a page with all of them and the tables.
func (r *report) draw(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("# Figures\n\nWritten by `cmd/bench`; [BENCH.md](../BENCH.md) says how to repeat and how to read them.\n")
	for _, s := range r.Suites {
		text.WriteString("\n" + s.markdown())
		picture := s.svg()
		if picture == "" {
			continue
		}
		fmt.Fprintf(&text, "\n![%s](%s.svg)\n", s.Title, s.Name)
		if err := os.WriteFile(filepath.Join(dir, s.Name+".svg"), []byte(picture), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, page), []byte(text.String()), 0o644)
}

// Measures in pixels, and colours: a dark and a light one that differ in print and to the colour-blind too.
const (
	panelWidth  = 760
	panelHeight = 230
	marginLeft  = 70
	marginRight = 20
	marginTop   = 46 // title and legend of a panel
	marginFoot  = 40 // labels of the axis
	headHeight  = 34
	footHeight  = 26

	ourColour   = "#0b5fa5"
	theirColour = "#e08a1e"
	inkColour   = "#222222"
	gridColour  = "#dddddd"
)

func colourOf(system int) string { return []string{ourColour, theirColour}[min(system, 1)] }

// panel is one chart of a suite: a metric, of all rows or of those of a group.
type panel struct {
	suite  *suiteResult
	metric metric
	rows   []*row
	group  string
}

// panels returns the charts of a suite. Those with nothing to show are left out.
func (s *suiteResult) panels() []panel {
	var all []panel
	for _, m := range s.Metrics {
		if s.Layout == layoutRates && m.Key != "rate" && m.Key != "p99" {
			continue // the table has them
		}
		for _, group := range s.groups() {
			p := panel{suite: s, metric: m, group: group}
			for _, r := range s.Rows {
				if (group == "" || r.Group == group) && p.has(r) {
					p.rows = append(p.rows, r)
				}
			}
			if len(p.rows) > 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// groups returns the groups of rows that are lines, or the one of all rows that are bars.
func (s *suiteResult) groups() []string {
	var groups []string
	for _, r := range s.Rows {
		if r.X > 0 && !slices.Contains(groups, r.Group) {
			groups = append(groups, r.Group)
		}
	}
	if len(groups) == 0 {
		return []string{""}
	}
	return groups
}

func (p panel) has(r *row) bool {
	for _, system := range p.suite.Systems {
		if _, ok := r.median(system.Key, p.metric.Key); ok {
			return true
		}
	}
	return false
}

// svg draws a suite, or returns nothing if it has no figures.
func (s *suiteResult) svg() string {
	panels := s.panels()
	if len(panels) == 0 {
		return ""
	}
	height := headHeight + len(panels)*panelHeight + footHeight
	c := &canvas{}
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" font-family="sans-serif" font-size="12">`,
		panelWidth, height, panelWidth, height)
	c.add(`<rect width="100%%" height="100%%" fill="#ffffff"/>`)
	c.text(14, 23, "start", 16, s.Title)
	for i, p := range panels {
		c.top = float64(headHeight + i*panelHeight)
		p.draw(c)
	}
	c.top = 0
	foot := s.Setting + "; " + s.Machine.CPU + ", " + fmt.Sprint(s.Machine.Cores) + " cores; " + s.Started.UTC().Format("2006-01-02")
	if s.Machine.NotIdleReason != "" {
		foot += "; THE MACHINE WAS NOT IDLE"
	}
	c.text(14, float64(height-10), "start", 10, foot)
	c.add(`</svg>`)
	return c.out.String()
}

// canvas collects the elements of a picture. top is where the panel begins that is drawn.
type canvas struct {
	out strings.Builder
	top float64
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(&c.out, format+"\n", args...) }

func (c *canvas) text(x, y float64, anchor string, size int, text string) {
	c.add(`<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d" fill="%s">%s</text>`, x, c.top+y, anchor, size, inkColour, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, colour string, width float64) {
	c.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`, x1, c.top+y1, x2, c.top+y2, colour, width)
}

func (c *canvas) rect(x, y, width, height float64, colour string) {
	c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, x, c.top+y, width, height, colour)
}

// draw draws title, legend, axis and figures.
func (p panel) draw(c *canvas) {
	title := fmt.Sprintf("%s, %s", p.metric.Name, p.metric.Unit)
	if p.group != "" {
		title = p.group + ": " + title
	}
	if p.metric.LessIsBetter {
		title += " (less is better)"
	}
	c.text(14, 22, "start", 13, title)
	x := float64(panelWidth - marginRight)
	for i := len(p.suite.Systems) - 1; i >= 0; i-- {
		name := p.suite.Systems[i].Name
		c.text(x, 22, "end", 12, name)
		x -= 8*float64(len(name)) + 14
		c.rect(x-2, 12, 11, 11, colourOf(i))
		x -= 16
	}
	top := niceTop(p.highest())
	for i := range 5 {
		value := top * float64(i) / 4
		y := p.y(value, top)
		c.line(marginLeft, y, panelWidth-marginRight, y, gridColour, 1)
		c.text(marginLeft-6, y+4, "end", 11, formatTick(value))
	}
	if p.rows[0].X > 0 {
		p.lines(c, top)
	} else {
		p.bars(c, top)
	}
}

func (p panel) highest() float64 {
	highest := 0.0
	for _, r := range p.rows {
		for _, system := range p.suite.Systems {
			for _, sample := range r.Samples[system.Key][p.metric.Key] {
				highest = max(highest, sample)
			}
		}
	}
	return highest
}

// y is where a value stands on the axis.
func (p panel) y(value, top float64) float64 {
	const height = panelHeight - marginTop - marginFoot
	return marginTop + height*(1-value/top)
}

// bars draws a pair of bars for each row, with the spread of the samples and the ratio above.
func (p panel) bars(c *canvas, top float64) {
	step := float64(panelWidth-marginLeft-marginRight) / float64(len(p.rows))
	width := min(step*0.36, 60)
	for i, r := range p.rows {
		middle := marginLeft + step*(float64(i)+0.5)
		highest := 0.0
		for j, system := range p.suite.Systems {
			value, ok := r.median(system.Key, p.metric.Key)
			if !ok {
				continue
			}
			x := middle + (float64(j)-1)*width
			y := p.y(value, top)
			c.rect(x+1, y, width-2, p.y(0, top)-y, colourOf(j))
			samples := r.Samples[system.Key][p.metric.Key]
			c.line(x+width/2, p.y(slices.Min(samples), top), x+width/2, p.y(slices.Max(samples), top), inkColour, 1)
			highest = max(highest, slices.Max(samples))
		}
		if ratio, ok := p.suite.ratio(r, p.metric.Key); ok {
			c.text(middle, p.y(highest, top)-4, "middle", 11, fmt.Sprintf("%.2f", ratio))
		}
		for j, label := range wrap(r.Case, int(step/6.2)) {
			c.text(middle, panelHeight-marginFoot+15+13*float64(j), "middle", 11, label)
		}
	}
}

// lines draws a line for each system over a logarithmic axis.
func (p panel) lines(c *canvas, top float64) {
	first, last := math.Log(p.rows[0].X), math.Log(p.rows[len(p.rows)-1].X)
	at := func(r *row) float64 {
		const left, right = marginLeft + 30, panelWidth - marginRight - 30
		if last <= first {
			return (left + right) / 2
		}
		return left + (right-left)*(math.Log(r.X)-first)/(last-first)
	}
	for j, system := range p.suite.Systems {
		var points []string
		for _, r := range p.rows {
			if value, ok := r.median(system.Key, p.metric.Key); ok {
				x, y := at(r), p.y(value, top)
				points = append(points, fmt.Sprintf("%.1f,%.1f", x, c.top+y))
				c.add(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, x, c.top+y, colourOf(j))
			}
		}
		c.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`, strings.Join(points, " "), colourOf(j))
	}
	for _, r := range p.rows {
		c.text(at(r), panelHeight-marginFoot+15, "middle", 11, strings.TrimPrefix(r.Case, p.group+" "))
		if ratio, ok := p.suite.ratio(r, p.metric.Key); ok {
			c.text(at(r), panelHeight-marginFoot+28, "middle", 10, fmt.Sprintf("ratio %.2f", ratio))
		}
	}
}

// niceTop returns the top of an axis: 1, 2, 3, 4, 6 or 8 times a power of ten, at or above the highest value.
func niceTop(highest float64) float64 {
	if highest <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(highest)))
	for _, factor := range []float64{1, 2, 3, 4, 6, 8} {
		if highest <= factor*power {
			return factor * power
		}
	}
	return 10 * power
}

// formatTick writes a number of an axis.
func formatTick(value float64) string {
	switch {
	case value >= 1e6:
		return fmt.Sprintf("%.3gM", value/1e6)
	case value >= 1e3:
		return fmt.Sprintf("%.3gk", value/1e3)
	}
	return fmt.Sprintf("%.3g", value)
}

// wrap breaks a label at spaces into two lines at most.
func wrap(text string, width int) []string {
	if len([]rune(text)) <= width {
		return []string{text}
	}
	first, rest := "", ""
	for word := range strings.SplitSeq(text, " ") {
		if rest == "" && (first == "" || len([]rune(first))+1+len([]rune(word)) <= width) {
			first = strings.TrimSpace(first + " " + word)
		} else {
			rest = strings.TrimSpace(rest + " " + word)
		}
	}
	if rest == "" {
		return []string{first}
	}
	return []string{first, rest}
}
