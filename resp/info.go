package resp

import (
	"fmt"
	"strings"

	"redoubt/fsm"
)

// infoCommands are the commands that tell about the node.
func infoCommands() []*local {
	return []*local{
		{row("info", -1, flagsAnyState, "server", "1.0.0", "@slow @dangerous", "Tells the state of this node."),
			false, info, nil},
	}
}

// infoSection is a part of INFO.
type infoSection struct {
	title string
	write func(*infoWriter)
}

// infoSections returns the sections in their order.
func infoSections() []infoSection {
	return []infoSection{
		{"Server", infoServer}, {"Clients", infoClients}, {"Memory", infoMemory}, {"Persistence", infoPersistence},
		{"Stats", infoStats}, {"Replication", infoReplication}, {"CPU", infoCPU}, {"Modules", func(*infoWriter) {}},
		{"Cluster", infoCluster}, {"Keyspace", infoKeyspace}, {"Raft", infoRaft},
	}
}

// infoWriter collects the text of INFO.
type infoWriter struct {
	text   strings.Builder
	server *Server
	conn   *conn
	view   *view
}

// line adds a field.
func (w *infoWriter) line(name string, value any) { fmt.Fprintf(&w.text, "%s:%v\r\n", name, value) }

func info(c *conn, words [][]byte, w *fsm.Writer) {
	all := len(words) == 1
	wanted := make(map[string]bool)
	for _, word := range words[1:] {
		switch name := strings.ToLower(string(word)); name {
		case "all", "everything", "default":
			all = true
		default:
			wanted[name] = true
		}
	}
	out := &infoWriter{server: c.server, conn: c, view: c.server.view(c.listener)}
	for _, section := range infoSections() {
		if !all && !wanted[strings.ToLower(section.title)] {
			continue
		}
		if out.text.Len() > 0 {
			out.text.WriteString("\r\n")
		}
		out.text.WriteString("# " + section.title + "\r\n")
		section.write(out)
	}
	w.Verbatim("txt", out.text.String())
}
