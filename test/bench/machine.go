package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// machine describes the machine of the measurement.
func machine(dir string) []string {
	facts := []string{
		time.Now().Format(time.DateOnly),
		fmt.Sprintf("%s, %s/%s, %d processors%s", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor()),
		"the store's disk: " + fileSystem(dir),
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		facts = append(facts, "load of the machine when it began: "+strings.Fields(string(load))[0])
	}
	return facts
}

// processor returns the processor's model, if known.
func processor() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, model, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return " (" + strings.TrimSpace(model) + ")"
		}
	}
	return ""
}

// fileSystem returns the type of dir's file system. In memory, syncing costs nothing, and the figures mean
// little.
func fileSystem(dir string) string {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "unknown"
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "unknown"
	}
	kind, longest := "unknown", -1
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			continue
		}
		at := strings.TrimSuffix(fields[1], "/")
		if (dir == at || strings.HasPrefix(dir, at+"/")) && len(at) > longest {
			kind, longest = fields[2], len(at)
		}
	}
	if kind == "tmpfs" {
		kind += ", which is memory and no disk: choose another directory with -dir"
	}
	return kind
}
