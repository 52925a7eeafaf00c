package nats

import (
	"os/exec"
	"runtime"
)

// launch starts a process that ends with this one, and calls ended when it has.
//
// The kernel tells a process of its parent's death when the thread that started it ends. So that is one
// that does nothing else, and lives for as long as the process.
func launch(process *exec.Cmd, ended func()) error {
	process.SysProcAttr = endWithParent()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this function
		defer ended()
		err := process.Start()
		started <- err
		if err == nil {
			_ = process.Wait()
		}
	}()
	return <-started
}
