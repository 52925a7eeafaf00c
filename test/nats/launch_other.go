//go:build !linux

package nats

import "syscall"

// endWithParent is for Linux only: elsewhere a test that is killed leaves its servers behind.
func endWithParent() *syscall.SysProcAttr { return nil }
