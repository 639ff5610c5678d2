package resp

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCommandInfo(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	const get = "[get 2 [readonly fast] 1 1 1 [@read @string @fast] [] " +
		"[[flags [RO access] begin_search [type index spec [index 1]] find_keys [type range spec [lastkey 0 keystep 1 limit 0]]]] []]"
	for _, proto := range []string{"2", "3"} {
		c.do("HELLO", proto)
		c.want("COMMAND INFO get nope GET", "["+get+" <nil> "+get+"]")
		c.want("COMMAND INFO client|id", "[[client|id 2 [noscript loading stale] 0 0 0 [@slow @connection] [] [] []]]")
	}
	all := c.do("COMMAND").([]any)
	if count := fmt.Sprint(c.do("COMMAND", "COUNT")); count != fmt.Sprint(len(all)) {
		t.Errorf("COMMAND COUNT is %s, COMMAND has %d", count, len(all))
	}
	var names []string
	for _, row := range all {
		names = append(names, row.([]any)[0].(string))
	}
	for _, name := range []string{"set", "get", "append", "ping", "hello", "cluster", "info", "object", "wait"} {
		if !slices.Contains(names, name) {
			t.Errorf("COMMAND does not list %s", name)
		}
	}
	if list := c.do("COMMAND", "LIST").([]any); len(list) != len(all) {
		t.Errorf("COMMAND LIST has %d names, COMMAND %d", len(list), len(all))
	}
	if info := c.do("COMMAND", "INFO").([]any); len(info) != len(all) {
		t.Errorf("COMMAND INFO has %d rows, COMMAND %d", len(info), len(all))
	}
}

// The page of the documentation has a row for every command and subcommand, and with the right arity.
func TestEveryCommandIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/COMMANDS.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range newTable().all {
		want := fmt.Sprintf("| `%s` | %d | %s |", strings.ToUpper(row.Name), row.Arity, row.Summary)
		if !strings.Contains(string(page), want) {
			t.Errorf("docs/COMMANDS.md has no line %s", want)
		}
		for _, sub := range row.Subcommands {
			want := fmt.Sprintf("| `%s` | | %s |", strings.ToUpper(strings.ReplaceAll(sub.Name, "|", " ")), sub.Summary)
			if !strings.Contains(string(page), want) {
				t.Errorf("docs/COMMANDS.md has no line %s", want)
			}
		}
	}
}

func TestCommandListFilters(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	for command, want := range map[string]string{
		"command list filterby":                     "-ERR syntax error",
		"command list filterby foo bar":             "-ERR syntax error",
		"command list filterby pattern":             "-ERR syntax error",
		"command list filterby pattern nope*":       "[]",
		"command list filterby pattern PIN*":        "[ping]",
		"command list filterby pattern client|set*": "[client|setinfo client|setname]",
		"command list filterby aclcat nope":         "[]",
		"command list filterby module x":            "[]",
		"command count a":                           "-ERR wrong number of arguments for 'command|count' command",
	} {
		c.want(command, want)
	}
	admin := fmt.Sprint(c.do("COMMAND", "LIST", "FILTERBY", "ACLCAT", "admin"))
	for _, name := range []string{"config|set", "client|kill", "shutdown", "role"} {
		if !strings.Contains(admin, name) {
			t.Errorf("the category admin has no %s: %s", name, admin)
		}
	}
}

func TestCommandGetKeys(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	for command, want := range map[string]string{
		"command getkeys":                                  "-ERR wrong number of arguments for 'command|getkeys' command",
		"command getkeys get":                              "-ERR wrong number of arguments for 'command|getkeys' command",
		"command getkeys get a b":                          "-ERR Invalid number of arguments specified for command",
		"command getkeys bitop and d":                      "-ERR Invalid number of arguments specified for command",
		"command getkeys foo a":                            "-ERR Invalid command specified",
		"command getkeys ping x":                           "-ERR The command has no key arguments",
		"command getkeys client id":                        "-ERR The command has no key arguments",
		"command getkeys get a":                            "[a]",
		"command getkeys mset a b c d":                     "[a c]",
		"command getkeys bitop and d a b":                  "[d a b]",
		"command getkeys object freq a":                    "[a]",
		"command getkeys once 1 2 set a b":                 "[a]",
		"command getkeys once 1 2 bitop and d a b":         "[d a b]",
		"command getkeys once status 1 2":                  "-ERR The command has no key arguments",
		"command getkeys once 1 2 get":                     "-ERR Invalid number of arguments specified for command",
		"command getkeys once 1 2 once 3 4 set a b":        "-ERR Invalid command specified",
		"command getkeysandflags once 1 2 set a b":         "[[a [OW update]]]",
		"command getkeysandflags once 1 2 set a b get":     "[[a [RW access update]]]",
		"command getkeys object foo a":                     "-ERR Invalid command specified",
		"command getkeysandflags set a b":                  "[[a [OW update]]]",
		"command getkeysandflags set a b ex 1 get":         "[[a [RW access update]]]",
		"command getkeysandflags bitfield a get u8 0":      "[[a [RO access]]]",
		"command getkeysandflags bitfield a incrby u8 0 1": "[[a [RW access update]]]",
		"command getkeysandflags mset a b c d":             "[[a [OW update]] [c [OW update]]]",
		"command getkeysandflags bitop and d a b":          "[[d [OW update]] [a [RO access]] [b [RO access]]]",
		"command getkeysandflags rename d a":               "[[d [RW access delete]] [a [OW update]]]",
	} {
		c.want(command, want)
	}
}

func TestCommandDocs(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	c.want("COMMAND DOCS nope", "[]")
	docs := c.do("COMMAND", "DOCS", "get", "client|id").([]any)
	if len(docs) != 4 || docs[0] != "get" || docs[2] != "client|id" {
		t.Fatalf("COMMAND DOCS get client|id: %v", docs)
	}
	all := c.do("COMMAND", "DOCS").([]any)
	for i := 0; i < len(all); i += 2 {
		doc := all[i+1].([]any)
		for j := 0; j < len(doc); j += 2 {
			if doc[j+1] == "" {
				t.Errorf("the documentation of %v has an empty %v", all[i], doc[j])
			}
		}
	}
}

// TestHelp: every container explains itself.
func TestHelp(t *testing.T) {
	s := start(t, nil)
	c := s.dial(t)
	for _, container := range []string{"CLIENT", "CLUSTER", "COMMAND", "CONFIG"} {
		lines := c.do(container, "HELP").([]any)
		if lines[0] != container+" <subcommand> [<arg> [value] [opt] ...]. Subcommands are:" {
			t.Errorf("%s HELP begins with %v", container, lines[0])
		}
		text := fmt.Sprint(lines...)
		for name, l := range s.commands.locals {
			if name != strings.ToLower(container) {
				continue
			}
			for _, sub := range l.subs {
				_, sub, _ := strings.Cut(sub.command.Name, "|")
				if sub != "slaves" && !strings.Contains(text, strings.ToUpper(sub)) {
					t.Errorf("%s HELP does not mention %s", container, sub)
				}
			}
		}
	}
}
