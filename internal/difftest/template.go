package difftest

import "strings"

// part is a piece of a template.
type part struct {
	kind partKind
	// text is a word, or a slot's name.
	text         string
	alternatives [][]part
}

type partKind int

const (
	wordPart   partKind = iota // SET
	slotPart                   // <key>
	choicePart                 // (AND|OR)
	optionPart                 // [NX|XX]
	repeatPart                 // {<key>}
)

// parseTemplate parses the notation of Redis's manual: words, <slots>, (choices|of|one), [options|that|may|be
// absent] and {repetitions}, all of which nest. Words and brackets are separated by spaces, except around |.
func parseTemplate(text string) []part {
	for _, mark := range []string{"(", ")", "[", "]", "{", "}", "|"} {
		text = strings.ReplaceAll(text, mark, " "+mark+" ")
	}
	p := templateParser{strings.Fields(text)}
	alternatives := p.alternatives("")
	if len(alternatives) != 1 {
		panic("BUG: | outside of brackets in " + text)
	}
	return alternatives[0]
}

type templateParser struct{ tokens []string }

// alternatives parses up to the closing bracket, and takes that.
func (p *templateParser) alternatives(closing string) [][]part {
	list := [][]part{nil}
	add := func(q part) { list[len(list)-1] = append(list[len(list)-1], q) }
	for len(p.tokens) > 0 {
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		switch {
		case token == closing:
			return list
		case token == "|":
			list = append(list, nil)
		case token == "(":
			add(part{kind: choicePart, alternatives: p.alternatives(")")})
		case token == "[":
			add(part{kind: optionPart, alternatives: p.alternatives("]")})
		case token == "{":
			add(part{kind: repeatPart, alternatives: p.alternatives("}")})
		case token[0] == '<':
			add(part{kind: slotPart, text: strings.Trim(token, "<>")})
		default:
			add(part{kind: wordPart, text: token})
		}
	}
	if closing != "" {
		panic("BUG: template without " + closing)
	}
	return list
}
