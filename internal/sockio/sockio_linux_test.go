package sockio

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// pair returns the two ends of a connection.
func pair(t *testing.T) (near, far *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(); accepted.Close() })
	return conn.(*net.TCPConn), accepted.(*net.TCPConn)
}

func TestReaderWaitsOrDoesNot(t *testing.T) {
	near, far := pair(t)
	r := NewReader(near)
	b := make([]byte, 8)
	if n, err := r.TryRead(b); n != 0 || err != ErrWouldBlock {
		t.Fatalf("TryRead of nothing: %d, %v", n, err)
	}
	go far.Write([]byte("abc"))
	if n, err := r.Read(b); string(b[:n]) != "abc" || err != nil {
		t.Fatalf("Read: %q, %v", b[:n], err)
	}
	near.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := r.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Read after the deadline: %v", err)
	}
	near.SetReadDeadline(time.Time{})
	far.Close()
	if n, err := r.Read(b); n != 0 || err != io.EOF {
		t.Fatalf("Read after the end: %d, %v", n, err)
	}
	near.Close()
	if _, err := r.TryRead(b); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("TryRead of a closed connection: %v", err)
	}
}

func TestWriterTakesWhatThereIsRoomFor(t *testing.T) {
	near, far := pair(t)
	w := NewWriter(near)
	data := bytes.Repeat([]byte("0123456789"), 10<<20/10)
	sent := 0
	for {
		n, err := w.TryWrite(data[sent:])
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		sent += n
	}
	if sent == 0 || sent == len(data) {
		t.Fatalf("%d of %d bytes were written to a client that does not read", sent, len(data))
	}
	got := make([]byte, sent)
	if _, err := io.ReadFull(far, got); err != nil || !bytes.Equal(got, data[:sent]) {
		t.Fatalf("what came is not what was written: %v", err)
	}
	near.Close()
	if _, err := w.TryWrite(data); !errors.Is(err, net.ErrClosed) {
		t.Fatalf("TryWrite to a closed connection: %v", err)
	}
}

func TestOnlySocketsOfTheSystem(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if NewReader(a) != nil || NewWriter(a) != nil {
		t.Error("a pipe in memory was taken for a socket")
	}
}

func TestNoAllocation(t *testing.T) {
	near, far := pair(t)
	r, w := NewReader(near), NewWriter(far)
	b := []byte("abc")
	if n := testing.AllocsPerRun(100, func() {
		if _, err := w.TryWrite(b); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Read(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a write and a read", n)
	}
}
