package snapshot

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"redoubt/internal/vfs"
)

// Inspect reads the image in a file from end to end and prints what it holds to w: what the header
// and the footer say, and whether the whole of it verifies. describe makes metadata readable; nil
// leaves it out. The error is what is wrong with the image, or that w cannot be written.
func Inspect(fsys vfs.FS, file string, w io.Writer, describe func(metadata []byte) (string, error)) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	row("file", "%s", file)
	damage := inspect(fsys, file, row, describe)
	if damage == nil {
		row("verified", "yes")
	} else {
		row("verified", "NO: %v", damage)
	}
	return errors.Join(damage, table.Flush())
}

func inspect(fsys vfs.FS, name string, row func(string, string, ...any), describe func([]byte) (string, error)) (err error) {
	file, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Size()
	if err != nil {
		return fmt.Errorf("snapshot: %s: %w", name, err)
	}
	row("file size", "%d bytes", size)
	image, err := NewReader(name, io.NewSectionReader(file, 0, size))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close()) }()
	row("format version", "%d", FormatVersion)
	row("index", "%d", image.meta.Index)
	row("term", "%d", image.meta.Term)
	row("metadata", "%d bytes", len(image.meta.Metadata))
	if describe != nil {
		text, err := describe(image.meta.Metadata)
		if err != nil {
			text = "undecodable: " + err.Error()
		}
		row("configuration", "%s", text)
	}
	seen, err := image.drain()
	row("blocks", "%d", seen.blocks)
	row("raw size", "%d bytes", seen.rawSize)
	row("ratio", "%.2f", float64(seen.rawSize)/float64(image.offset))
	if err == nil {
		row("digest", "sha256:%x", seen.digest)
	}
	return err
}
