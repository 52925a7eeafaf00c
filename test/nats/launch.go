package nats

import (
	"os/exec"
	"runtime"
)

// launch starts a process that ends with this one, and calls ended when it has.
//
// The kernel signals a process when the thread that started it ends. So a thread starts the process, does
// nothing else, and ends with it.
func launch(process *exec.Cmd, ended func()) error {
	process.SysProcAttr = endWithParent()
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with this function
		defer ended()
		err := process.Start()
		started <- err
		if err == nil {
			_ = process.Wait()
		}
	}()
	return <-started
}
