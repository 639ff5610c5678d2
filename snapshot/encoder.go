package snapshot

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"
)

// encoder turns a stream of raw state into the bytes of an image.
type encoder struct {
	sink   io.Writer
	zstd   *zstd.Encoder
	digest hash.Hash
	footer footer
	// raw collects one block; its capacity is BlockSize.
	raw []byte
	// block is the space for one finished block, reused.
	block []byte
}

// newEncoder writes the header of an image to sink and returns an encoder of its state.
func newEncoder(sink io.Writer, meta Meta) (*encoder, error) {
	if meta.Index == 0 {
		return nil, errors.New("snapshot: index 0 cannot have an image")
	}
	if len(meta.Metadata) > MaxMetadata {
		return nil, fmt.Errorf("snapshot: metadata of %d bytes, at most %d are allowed", len(meta.Metadata), MaxMetadata)
	}
	// Level and window are chosen for speed: an image is written beside the traffic, on its cores.
	// zstd's own checksum would repeat ours.
	compressor, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(BlockSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("BUG: snapshot: zstd refuses its options: " + err.Error())
	}
	e := &encoder{sink: sink, zstd: compressor, digest: sha256.New(), raw: make([]byte, 0, BlockSize)}
	header, sum := appendHeader(nil, meta)
	e.footer.headerSum = sum
	if _, err := sink.Write(header); err != nil {
		return nil, err
	}
	return e, nil
}

// Write takes raw state. After an error the image is lost.
func (e *encoder) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), BlockSize-len(e.raw))
		e.raw = append(e.raw, p[:n]...)
		p = p[n:]
		if len(e.raw) == BlockSize {
			if err := e.flush(); err != nil {
				return written, err
			}
		}
		written += n
	}
	return written, nil
}

// flush writes the collected raw bytes as one block. Each step takes a millisecond or so, and on a single processor clients
// wait for it: they come first between two.
func (e *encoder) flush() error {
	if len(e.raw) == 0 {
		return nil
	}
	e.digest.Write(e.raw)
	runtime.Gosched()
	var space [blockHeaderSize]byte
	e.block = e.zstd.EncodeAll(e.raw, append(e.block[:0], space[:]...))
	if len(e.block)-blockHeaderSize > maxCompressed {
		panic(fmt.Sprintf("BUG: snapshot: zstd made %d bytes of %d", len(e.block)-blockHeaderSize, len(e.raw)))
	}
	putBlockHeader(e.block, e.footer.blocks, len(e.raw))
	runtime.Gosched()
	if _, err := e.sink.Write(e.block); err != nil {
		return err
	}
	e.footer.blocks++
	e.footer.rawSize += uint64(len(e.raw))
	e.raw = e.raw[:0]
	return nil
}

// finish writes what is left and the footer.
func (e *encoder) finish() (footer, error) {
	if err := e.flush(); err != nil {
		return footer{}, err
	}
	e.digest.Sum(e.footer.digest[:0])
	if _, err := e.sink.Write(appendFooter(nil, e.footer)); err != nil {
		return footer{}, err
	}
	return e.footer, nil
}
