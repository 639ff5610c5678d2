package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// disk is a small file system in memory that one node has to itself.
type disk struct{ path string }

// mountDisk makes one of so many MiB.
func mountDisk(path string, megabytes int) (disk, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return disk{}, err
	}
	return disk{path}, syscall.Mount("tmpfs", path, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", megabytes))
}

func (d disk) filler() string { return filepath.Join(d.path, "filler") }

// fill takes all the room that is left.
func (d disk) fill() error {
	file, err := os.Create(d.filler())
	if err != nil {
		return ignoreFull(err)
	}
	defer file.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := file.Write(block); err != nil {
			if ignoreFull(err) != nil {
				return err
			}
			block = block[:len(block)/2]
		}
	}
	return nil
}

func ignoreFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return nil
	}
	return err
}

// free gives the room back.
func (d disk) free() error {
	err := os.Remove(d.filler())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// unmount takes the file system away, with what is in it. If keep, that is copied to the directory below first.
func (d disk) unmount(keep bool) error {
	if keep {
		kept := d.path + ".kept"
		if err := os.CopyFS(kept, os.DirFS(d.path)); err != nil {
			return err
		}
		if err := syscall.Unmount(d.path, 0); err != nil {
			return err
		}
		return errors.Join(os.Remove(d.path), os.Rename(kept, d.path))
	}
	return syscall.Unmount(d.path, 0)
}
