package fsm

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random command lines over few keys, so that commands meet each other.
type generator struct {
	*rand.Rand
	// keys is how many different keys there are. Half of them share a slot by a hash tag.
	keys int
}

func newGenerator(seed uint64, keys int) *generator {
	return &generator{rand.New(rand.NewPCG(seed, 1)), keys}
}

func (g *generator) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *generator) key() string {
	n := g.IntN(g.keys)
	if n%2 == 0 {
		return fmt.Sprintf("{tag}%d", n)
	}
	return fmt.Sprint("key", n)
}

func (g *generator) value() string {
	switch g.IntN(4) {
	case 0:
		return fmt.Sprint(g.IntN(20000) - 5000)
	case 1:
		return strings.Repeat("x", g.IntN(100))
	case 2:
		return fmt.Sprint(g.NormFloat64())
	}
	return g.pick("", "hello", "9223372036854775807", "3.25")
}

// command returns the words of a random command that writes.
func (g *generator) command() [][]byte {
	var line []string
	k, k2, v := g.key(), g.key(), g.value()
	switch g.IntN(24) {
	case 0, 1, 2, 3:
		line = []string{"set", k, v}
	case 4:
		line = []string{"set", k, v, g.pick("nx", "xx", "get", "keepttl")}
	case 5:
		line = []string{"set", k, v, g.pick("ex", "px"), fmt.Sprint(g.IntN(100) - 1)}
	case 6, 7:
		line = []string{"append", k, v}
	case 8:
		line = []string{"setrange", k, fmt.Sprint(g.IntN(50)), v}
	case 9:
		line = []string{"incrby", k, fmt.Sprint(g.IntN(100))}
	case 10:
		line = []string{"incrbyfloat", k, fmt.Sprint(g.NormFloat64())}
	case 11:
		line = []string{"mset", k, v, k2, v}
	case 12, 13, 14:
		line = []string{"del", k, k2}
	case 15:
		line = []string{"rename", k, k2}
	case 16:
		line = []string{"copy", k, k2, "replace"}
	case 17, 18:
		line = []string{"pexpire", k, fmt.Sprint(g.IntN(500) - 5)}
	case 19:
		line = []string{"expire", k, fmt.Sprint(g.IntN(10)), g.pick("nx", "xx", "gt", "lt")}
	case 20:
		line = []string{"persist", k}
	case 21:
		line = []string{"getex", k, "px", fmt.Sprint(g.IntN(1000))}
	case 22:
		line = []string{g.pick("getdel", "touch", "incr", "decr", "unlink"), k}
	case 23:
		line = []string{"getset", k, v}
	}
	args := make([][]byte, len(line))
	for i, word := range line {
		args[i] = []byte(word)
	}
	return args
}
