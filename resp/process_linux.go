package resp

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// residentMemory returns the memory that the process occupies, in bytes, or 0 where the system does
// not say.
func residentMemory() uint64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64)
	return pages * uint64(os.Getpagesize())
}

// systemMemory returns the memory of the machine, in bytes.
func systemMemory() uint64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return uint64(info.Totalram) * uint64(info.Unit)
}

// cpuSeconds returns the processor time that the process has used.
func cpuSeconds() (system, user float64) {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0, 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(usage.Stime), seconds(usage.Utime)
}

// systemName names the operating system and its kernel.
func systemName() string {
	var name syscall.Utsname
	if syscall.Uname(&name) != nil {
		return "unknown"
	}
	return charString(name.Sysname[:]) + " " + charString(name.Release[:]) + " " + charString(name.Machine[:])
}

// charString turns a C string into a Go string.
func charString[T int8 | uint8](chars []T) string {
	var b []byte
	for _, c := range chars {
		if c == 0 {
			break
		}
		b = append(b, byte(c))
	}
	return string(b)
}
