package lin

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestAHistoryIsReadBackAsWritten(t *testing.T) {
	h := record(rand.New(rand.NewPCG(1, 3)), 50, 3, 2)
	var file bytes.Buffer
	if err := Write(&file, h); err != nil {
		t.Fatal(err)
	}
	back, err := Read(&file)
	if err != nil || !reflect.DeepEqual(back, h) {
		t.Errorf("%v\nread back: %v\nwritten:   %v", err, back, h)
	}
	if _, err := Read(bytes.NewBufferString(`{"words": 3}`)); err == nil {
		t.Error("nonsense was read as a history")
	}
}

func TestParseReply(t *testing.T) {
	for _, test := range []struct {
		data string
		want Reply
	}{
		{"+OK\r\n", Text("OK")},
		{"-ERR no\r\n", Error("ERR no")},
		{":-12\r\n", Int(-12)},
		{"$3\r\na\r\n\r\n", Text("a\r\n")},
		{"$-1\r\n", Null()},
		{"_\r\n", Null()},
		{"*-1\r\n", Null()},
		{"*2\r\n$1\r\na\r\n_\r\n", Array(Text("a"), Null())},
		{"*0\r\n", Array()},
	} {
		got, rest, err := ParseReply([]byte(test.data + "+next\r\n"))
		if err != nil || !got.Equal(test.want) || string(rest) != "+next\r\n" {
			t.Errorf("%q: %v, rest %q, %v", test.data, got, rest, err)
		}
	}
	for _, bad := range []string{"", "\r\n", "+OK", "$3\r\nab", ":x\r\n", "~1\r\n:1\r\n", "*1\r\n"} {
		if got, _, err := ParseReply([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, got)
		}
	}
}
