package chaos

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// A clock is the wall clock of one process, which can be set without setting
// that of the machine. A program in Go asks the kernel's vDSO for the time, which
// is code in the memory of the process (vdso(7)); it is replaced by code that
// asks the kernel and adds an offset. The monotonic clock stays what it is, as
// when an operator sets the date.
type clock struct {
	p      *process
	memory *os.File
	at     int64 // of the code
}

// clockCode is for x86-64: clock_gettime by system call, and then, when the clock
// that was asked for is CLOCK_REALTIME (0), so many seconds more.
var clockCode = []byte{
	0xB8, 0xE4, 0x00, 0x00, 0x00, // mov eax, 228 (clock_gettime)
	0x0F, 0x05, // syscall
	0x85, 0xFF, // test edi, edi
	0x75, 0x07, // jnz to the ret
	0x48, 0x81, 0x06, 0x00, 0x00, 0x00, 0x00, // add qword [rsi], the offset
	0xC3, // ret
}

const clockOffset = 14 // where the offset is in clockCode

// newClock takes over the clock of a running process.
func newClock(p *process) (*clock, error) {
	if runtime.GOARCH != "amd64" {
		return nil, notHad("the server's clock can be set on x86-64 only")
	}
	pid := p.cmd.Process.Pid
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return nil, err
	}
	var from, to int64
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
				return nil, err
			}
		}
	}
	if from == 0 {
		return nil, notHad("the process has no vDSO whose clock could be set")
	}
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		return nil, notHad("the memory of a process cannot be written here: %v", err)
	}
	c := &clock{p: p, memory: memory}
	image, err := io.ReadAll(io.NewSectionReader(memory, from, to-from))
	if err == nil {
		c.at, err = find(image, "__vdso_clock_gettime")
		c.at += from
	}
	if err == nil {
		err = c.write(c.at, clockCode)
	}
	if err != nil {
		memory.Close()
		return nil, err
	}
	return c, nil
}

// find returns where in an ELF image a function is.
func find(image []byte, name string) (int64, error) {
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		return 0, err
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return 0, err
	}
	for _, s := range symbols {
		if s.Name == name {
			return int64(s.Value), nil
		}
	}
	return 0, fmt.Errorf("no %s in the vDSO", name)
}

// write writes while the process stands still.
func (c *clock) write(at int64, b []byte) error {
	if err := c.p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	_, err := c.memory.WriteAt(b, at)
	if resumed := c.p.signal(syscall.SIGCONT); resumed != nil {
		return resumed
	}
	if err != nil {
		return notHad("the memory of a process cannot be written here: %v", err)
	}
	return nil
}

// set makes the process's wall clock differ from the machine's by so much.
func (c *clock) set(by time.Duration) error {
	return c.write(c.at+clockOffset, binary.LittleEndian.AppendUint32(nil, uint32(int32(by/time.Second))))
}

func (c *clock) close() error { return c.memory.Close() }
