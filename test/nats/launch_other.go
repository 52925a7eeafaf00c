//go:build !linux

package nats

import "syscall"

// endWithParent works on Linux only: elsewhere a killed test leaves its servers running.
func endWithParent() *syscall.SysProcAttr { return nil }
