// Package operator runs the operator as a separate process, for the demo and for suites that check what a
// user sees: its log, its exit code, and the effects of a crash.
package operator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Process is a running operator.
type Process struct {
	// URL of its receiver, without a proof.
	URL string

	cmd   *exec.Cmd
	api   chan string // the address of its API, once it is known
	ended chan struct{}
	err   error // of the process, once ended

	mu  sync.Mutex
	log bytes.Buffer
}

// stopTimeout limits a graceful stop.
const stopTimeout = 45 * time.Second

// Build compiles the operator of the module at root into root/bin and returns its path.
func Build(ctx context.Context, root string) (string, error) {
	return build(ctx, root, "travishook", "manager")
}

// build compiles into root/bin, where go finds what is up to date, and does not link it again for each suite.
func build(ctx context.Context, root, name, command string) (string, error) {
	binary := filepath.Join(root, "bin", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/"+command)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", name, err, out)
	}
	return binary, nil
}

// Start starts binary and waits until it logs where it listens. If the operator exits, the error contains its
// last line.
func Start(ctx context.Context, binary string, args ...string) (*Process, error) {
	p := &Process{cmd: exec.Command(binary, args...), api: make(chan string, 1), ended: make(chan struct{})}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start operator: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start operator: %w", err)
	}
	listening := make(chan string, 1)
	go p.follow(stderr, listening)
	select {
	case address := <-listening:
		p.URL = "http://" + address + "/travis"
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the operator ended by itself: %s", p.lastLine())
	case <-ctx.Done():
		p.Kill()
		return nil, fmt.Errorf("the operator did not say where it listens; its last line: %s", p.lastLine())
	}
}

// follow keeps the log and picks the addresses out of it.
func (p *Process) follow(log io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		p.mu.Lock()
		p.log.Write(lines.Bytes())
		p.log.WriteByte('\n')
		p.mu.Unlock()
		var entry struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &entry) != nil {
			continue
		}
		switch entry.Msg {
		case ListensMessage:
			listening <- entry.Address
		case apiListensMessage:
			p.api <- entry.Address
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// ListensMessage is the log message with which the operator names its receiver's address.
const ListensMessage = "receiver listens"

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Log returns the log so far.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *Process) lastLine() string {
	lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
	return lines[len(lines)-1]
}

// Stop stops the operator gracefully, and waits for its end.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop operator: %w", err)
	}
	select {
	case <-p.ended:
		if p.err != nil {
			return fmt.Errorf("stop operator: %w; its last line: %s", p.err, p.lastLine())
		}
		return nil
	case <-time.After(stopTimeout):
		p.Kill()
		return fmt.Errorf("stop operator: it was still running after %s; its last line: %s", stopTimeout, p.lastLine())
	}
}

// Kill kills the operator with SIGKILL, to simulate a crash.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}
