package main

import (
	"fmt"
	"syscall"
)

// leastFree is what a disk must have left for the next transactions, in bytes.
const leastFree = 1 << 20

// diskFull returns an error when the file system of dir is full, or cannot be
// asked.
func diskFull(dir string) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return fmt.Errorf("free space of %s: %w", dir, err)
	}
	if free := int64(s.Bavail) * int64(s.Bsize); free < leastFree {
		return fmt.Errorf("the disk of %s is full: %d bytes are left", dir, free)
	}
	return nil
}
