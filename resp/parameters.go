package resp

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Parameter is a setting that CONFIG shows, and changes if it can be changed while the server runs.
type Parameter struct {
	// Name is in lower case.
	Name string
	// Get returns the value that is in force.
	Get func() string
	// Set changes the value. Its error is shown to the client. Nil: the parameter cannot be changed.
	Set func(value string) error
}

// parameters are all parameters of a server, sorted by name.
type parameters struct {
	list []Parameter
	// changing is held by CONFIG SET: two of them do not mix.
	changing sync.Mutex
}

func newParameters(list []Parameter) (*parameters, error) {
	slices.SortStableFunc(list, func(a, b Parameter) int { return strings.Compare(a.Name, b.Name) })
	for i, p := range list {
		if p.Name == "" || p.Name != strings.ToLower(p.Name) || p.Get == nil {
			return nil, fmt.Errorf("resp: parameter %q: no name in lower case, or no Get", p.Name)
		}
		if i > 0 && list[i-1].Name == p.Name {
			return nil, fmt.Errorf("resp: parameter %q is there twice", p.Name)
		}
	}
	return &parameters{list: list}, nil
}

// find returns the parameter with a name in any case, or nil.
func (ps *parameters) find(name string) *Parameter {
	i, ok := slices.BinarySearchFunc(ps.list, strings.ToLower(name), func(p Parameter, name string) int {
		return strings.Compare(p.Name, name)
	})
	if !ok {
		return nil
	}
	return &ps.list[i]
}

// ownParameters are the parameters that the front end answers for: its limits, and settings of Redis
// that clients ask for and that have one true value here.
func (s *Server) ownParameters() []Parameter {
	number := func(name string, value interface {
		Load() int64
		Store(int64)
	}, low, high int64) Parameter {
		return Parameter{
			Name: name,
			Get:  func() string { return strconv.FormatInt(value.Load(), 10) },
			Set: func(text string) error {
				n, ok := parseInteger([]byte(text))
				if !ok {
					return errors.New("argument couldn't be parsed into an integer")
				}
				return storeWithin(value, n, low, high)
			},
		}
	}
	memory := func(name string, value interface {
		Load() int64
		Store(int64)
	}, low int64) Parameter {
		return Parameter{
			Name: name,
			Get:  func() string { return strconv.FormatInt(value.Load(), 10) },
			Set: func(text string) error {
				n, ok := parseMemory(text)
				if !ok {
					return errors.New("argument must be a memory value")
				}
				return storeWithin(value, n, low, 1<<63-1)
			},
		}
	}
	list := []Parameter{
		s.maxClientsParameter(),
		number("timeout", &s.settings.timeout, 0, 1<<31-1),
		number("tcp-keepalive", &s.settings.keepAlive, 0, 1<<31-1),
		memory("proto-max-bulk-len", &s.settings.maxBulk, 1<<20),
		memory("client-query-buffer-limit", &s.settings.maxQuery, 1<<20),
	}
	list = append(list, s.replicaReadsParameter())
	for _, p := range [][2]string{
		{"appendfsync", "always"}, {"appendonly", "yes"}, {"cluster-enabled", "yes"}, {"databases", "1"},
		{"maxmemory", "0"}, {"maxmemory-policy", "noeviction"}, {"replica-read-only", "yes"}, {"save", ""},
	} {
		list = append(list, Parameter{Name: p[0], Get: func() string { return p[1] }})
	}
	return list
}

// replicaReadsParameter is replica-reads: how READONLY without a word reads.
func (s *Server) replicaReadsParameter() Parameter {
	const stale, linearizable = "stale", "linearizable"
	return Parameter{
		Name: "replica-reads",
		Get: func() string {
			if s.settings.linearizable.Load() {
				return linearizable
			}
			return stale
		},
		Set: func(text string) error {
			switch word := []byte(text); {
			case equalFold(word, stale):
				s.settings.linearizable.Store(false)
			case equalFold(word, linearizable):
				s.settings.linearizable.Store(true)
			default:
				return errors.New("argument(s) must be one of the following: " + stale + ", " + linearizable)
			}
			return nil
		},
	}
}

// maxClientsParameter is maxclients, which the process's file descriptors bound as well.
func (s *Server) maxClientsParameter() Parameter {
	return Parameter{
		Name: "maxclients",
		Get:  func() string { return strconv.FormatInt(s.settings.maxClients.Load(), 10) },
		Set: func(text string) error {
			n, ok := parseInteger([]byte(text))
			if !ok {
				return errors.New("argument couldn't be parsed into an integer")
			}
			if ceiling := int64(s.limits.ClientCeiling); n > ceiling && n <= math.MaxUint32 {
				//lint:ignore ST1005 the text is Redis's
				return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", ceiling)
			}
			return storeWithin(&s.settings.maxClients, n, 1, math.MaxUint32)
		},
	}
}

func storeWithin(value interface{ Store(int64) }, n, low, high int64) error {
	if n < low || n > high {
		return fmt.Errorf("argument must be between %d and %d inclusive", low, high)
	}
	value.Store(n)
	return nil
}

// parseMemory reads an amount of memory as Redis writes it: a number of bytes with a unit: b, k
// (1000), kb (1024), and likewise m, mb, g and gb, in any case.
func parseMemory(text string) (int64, bool) {
	digits := strings.TrimRight(text, "bBkKmMgG")
	var unit int64
	switch strings.ToLower(text[len(digits):]) {
	case "", "b":
		unit = 1
	case "k":
		unit = 1e3
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1e6
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1e9
	case "gb":
		unit = 1 << 30
	default:
		return 0, false
	}
	n, ok := parseInteger([]byte(digits))
	if !ok || n < 0 || n > (1<<63-1)/unit {
		return 0, false
	}
	return n * unit, true
}
