package snapshot

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing"
)

func TestInspect(t *testing.T) {
	disk := newDisk(t)
	s := openStore(t, disk)
	w, err := s.Create(Meta{Index: 1234, Term: 7, Metadata: []byte("abc")})
	if err != nil {
		t.Fatal(err)
	}
	state := bytes.Repeat([]byte("abcdefgh"), BlockSize/4)
	if _, err := w.Write(state); err != nil {
		t.Fatal(err)
	}
	info, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	file := path.Join(testDir, info.Name)
	digest := sha256.Sum256(state)
	lines := func(last ...string) string {
		return strings.Join(append([]string{
			"file            " + file,
			fmt.Sprintf("file size       %d bytes", info.Size),
			"format version  1",
			"index           1234",
			"term            7",
			"metadata        3 bytes",
			"configuration   <abc>",
		}, last...), "\n") + "\n"
	}
	describe := func(metadata []byte) (string, error) { return fmt.Sprintf("<%s>", metadata), nil }
	var out strings.Builder
	if err := Inspect(disk, file, &out, describe); err != nil {
		t.Fatal(err)
	}
	want := lines("blocks          2", "raw size        524288 bytes", fmt.Sprintf("ratio           %.2f", 524288/float64(info.Size)), fmt.Sprintf("digest          sha256:%x", digest), "verified        yes")
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}

	out.Reset()
	if err := disk.FlipBit(file, info.Size-footerSize-1, 0); err != nil {
		t.Fatal(err)
	}
	var damage *DamageError
	if err := Inspect(disk, file, &out, describe); !errors.As(err, &damage) {
		t.Errorf("damage must be an error: %v", err)
	}
	if !strings.HasPrefix(out.String(), lines("blocks          1", "raw size        262144 bytes")) ||
		!strings.HasSuffix(out.String(), "verified        NO: "+damage.Error()+"\n") || !strings.Contains(damage.Error(), "block 1: checksum mismatch") {
		t.Errorf("what there is up to the damage must be printed, then the damage:\n%s", &out)
	}

	out.Reset()
	undecodable := func([]byte) (string, error) { return "", errors.New("version 9") }
	if err := Inspect(disk, file, &out, undecodable); err == nil || !strings.Contains(out.String(), "undecodable: version 9\n") {
		t.Errorf("metadata that cannot be read must not hide the rest:\n%s", &out)
	}
	if err := Inspect(disk, "nothing", &out, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file must be told as such: %v", err)
	}
}
