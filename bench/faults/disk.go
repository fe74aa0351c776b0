//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// smallDisk mounts a file system of its own over a directory. What is in the
// directory already is hidden by it.
func (s *stage) smallDisk(dir string, bytes int64) error {
	if err := mountable(); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", bytes)); err != nil {
		return fmt.Errorf("mounting a small disk: %w", err)
	}
	s.also = append(s.also, func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return nil
}

// fill takes all the room of the disk that a directory is on, but for a few
// kilobytes, and gives what makes room again.
func fill(dir string, spare int64) (empty func(), err error) {
	name := filepath.Join(dir, ".ballast")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var room unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &room); err != nil {
		return nil, err
	}
	if n := int64(room.Bavail)*room.Bsize - spare; n > 0 {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, n); err != nil && !errors.Is(err, unix.ENOSPC) {
			return nil, err
		}
	}
	return func() { _ = os.Remove(name) }, nil
}

// diskSize has room for what a play keeps.
const diskSize = 512 << 20

// playFullDisk leaves the daemon no room, nor Redis where that keeps the tickets:
// with appendfsync always it ends then, and is started again when there is room.
func playFullDisk(s *stage, _ int) (int, error) {
	disk := s.data()
	if err := s.smallDisk(disk, diskSize); err != nil {
		return 0, err
	}
	if s.redis != nil {
		if err := s.moveRedis(filepath.Join(disk, "redis")); err != nil {
			return 0, err
		}
	}
	return s.repeatedly(func(int) error {
		empty, err := fill(disk, s.random.Int64N(256<<10))
		if err != nil {
			return err
		}
		time.Sleep(s.between(time.Second, 4*time.Second))
		empty()
		return s.reviveRedis()
	})
}

// moveRedis has Redis keep its files elsewhere.
func (s *stage) moveRedis(dir string) error {
	s.redis.kill()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s.redis.dir = dir
	return s.redis.start()
}

// reviveRedis starts Redis again if its disk was too much for it.
func (s *stage) reviveRedis() error {
	if s.redis == nil {
		return nil
	}
	select {
	case <-s.redis.now.done:
		return s.redis.start()
	case <-time.After(300 * time.Millisecond):
		return nil
	}
}

// What strace does to each sync of a disk: a quarter of a second more, or an
// error for one in three.
const (
	slowSyncs   = "delay_exit=250000"
	brokenSyncs = "error=EIO:when=2+3"
)

// playSyncs has the kernel treat syncs of the daemon and of Redis so for some
// seconds at a time.
func playSyncs(how string) func(*stage, int) (int, error) {
	return func(s *stage, _ int) (int, error) {
		return s.repeatedly(func(int) error {
			targets := []*process{s.daemon.now}
			if s.redis != nil {
				targets = append(targets, s.redis.now)
			}
			var tracers []*process
			for i, p := range targets {
				tracer, err := start(filepath.Join(s.dir, fmt.Sprintf("strace%d.log", i)), "strace", "-f", "-qq", "-o", os.DevNull,
					"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:"+how, "-p", strconv.Itoa(p.cmd.Process.Pid))
				if err != nil {
					return err
				}
				tracers = append(tracers, tracer)
			}
			time.Sleep(s.between(2*time.Second, 5*time.Second))
			for _, tracer := range tracers {
				_ = tracer.stop(5 * time.Second) // it lets go of what it traces
			}
			return s.reviveRedis()
		})
	}
}
