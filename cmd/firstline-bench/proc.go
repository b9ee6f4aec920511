package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tick is the unit of CPU time in /proc: Linux shows hundredths of a second to programs whatever its own clock.
const tick = 0.01

// usage is what a process has used.
type usage struct {
	cpu float64 // seconds, user and system, with those of children that have ended
	rss float64 // bytes
}

// processUsage reads what a process has used. With children it adds its living children: PostgreSQL's server is one
// process for each connection, and those that end count in the CPU of their parent from then on.
func processUsage(pid int, children bool) (usage, error) {
	s, err := readStat(pid)
	if err != nil {
		return usage{}, err
	}
	u := usage{cpu: s.own + s.reaped, rss: s.rss}
	if !children {
		return u, nil
	}
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return usage{}, err
	}
	for _, dir := range dirs {
		child, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		c, err := readStat(child)
		if err != nil || c.parent != pid {
			continue // ended meanwhile, or another's
		}
		u.cpu += c.own + c.reaped
		u.rss += c.rss
	}
	return u, nil
}

// stat is a part of /proc/PID/stat.
type stat struct {
	parent      int
	own, reaped float64 // seconds of CPU: its own, and of children that it waited for
	rss         float64 // bytes
}

func readStat(pid int) (stat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(string(b))
}

// parseStat reads the fields behind the name, which stands in parentheses and may itself hold spaces and parentheses
// (proc_pid_stat(5): 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime, 24 rss in pages).
func parseStat(line string) (stat, error) {
	end := strings.LastIndexByte(line, ')')
	if end < 0 {
		return stat{}, errors.New("proc: no process name in the stat line")
	}
	f := strings.Fields(line[end+1:])
	if len(f) < 22 {
		return stat{}, errors.New("proc: the stat line is too short")
	}
	field := func(n int) float64 { // numbered from 1 as in the manual; the state, 3, is the first behind the name
		x, _ := strconv.ParseFloat(f[n-3], 64) // the kernel writes numbers only
		return x
	}
	return stat{
		parent: int(field(4)), own: (field(14) + field(15)) * tick, reaped: (field(16) + field(17)) * tick,
		rss: field(24) * float64(os.Getpagesize()),
	}, nil
}

// machineBusy returns the seconds that the machine's cores together have worked since its start.
func machineBusy() (float64, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseBusy(string(b))
}

// parseBusy adds user, nice, system, irq and softirq of the first line; idle, iowait, steal and guests are not work of
// this machine, or are counted in user already.
func parseBusy(text string) (float64, error) {
	line, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(line)
	if len(f) < 8 || f[0] != "cpu" {
		return 0, errors.New("proc: /proc/stat does not begin with the sum of the cores")
	}
	var ticks float64
	for _, n := range []int{1, 2, 3, 6, 7} {
		x, err := strconv.ParseFloat(f[n], 64)
		if err != nil {
			return 0, err
		}
		ticks += x
	}
	return ticks * tick, nil
}
