package servers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// stat is what /proc/[pid]/stat says of a process (proc(5)).
type stat struct {
	pid, parent int
	cpu         time.Duration // with its ended children
}

func readStat(pid string) (stat, error) {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return stat{}, err
	}
	text := string(b)
	at := strings.LastIndexByte(text, ')') // the name may hold anything
	if at < 0 {
		return stat{}, fmt.Errorf("stat of process %s: %q", pid, text)
	}
	fields := strings.Fields(text[at+1:])
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("stat of process %s: %q", pid, text)
	}
	number := func(field int) int {
		n, _ := strconv.Atoi(fields[field-3]) // fields count from 1, after the name comes the third
		return n
	}
	id, err := strconv.Atoi(pid)
	const ppid, utime, stime, cutime, cstime = 4, 14, 15, 16, 17
	return stat{id, number(ppid), time.Duration(number(utime)+number(stime)+number(cutime)+number(cstime)) * tick}, err
}

// tree returns the server's processes: itself and all that descend from it.
func (s *Server) tree() []stat {
	paths, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well formed
	children := map[int][]stat{}
	var all []stat
	for _, path := range paths {
		st, err := readStat(filepath.Base(path))
		if err != nil {
			continue // ended meanwhile
		}
		if st.pid == s.cmd.Process.Pid {
			all = append(all, st)
		}
		children[st.parent] = append(children[st.parent], st)
	}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i].pid]...)
	}
	return all
}

// CPU returns the CPU time that the server and what it needs have used.
func (s *Server) CPU() time.Duration {
	var sum time.Duration
	for _, p := range s.tree() {
		sum += p.cpu
	}
	for _, b := range s.beside {
		sum += b.CPU()
	}
	return sum
}

// RSS returns the resident memory of the server's process, in bytes.
func (s *Server) RSS() int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var total, resident int
	if _, err := fmt.Sscan(string(b), &total, &resident); err != nil {
		return 0
	}
	return resident * os.Getpagesize()
}

// Files returns how many file descriptors the server has open.
func (s *Server) Files() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	return len(entries)
}
