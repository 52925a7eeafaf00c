package victim

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/travishook/travishook/internal/queue"
)

// Process is a victim, seen from outside.
type Process struct {
	cmd       *exec.Cmd
	listening chan struct{} // closed when the addresses are known
	address   string
	probes    string
	ended     chan struct{}
	err       error // of the process, once ended
	watcher   Watcher
}

// Settled is an outcome that the store has confirmed.
type Settled struct {
	Kind queue.Kind
	ID   string // of the delivery
	// Build is the build's number, and Address the channel's; of what was dropped only.
	Build, Address string
}

// Watcher receives what a victim observes of its store.
type Watcher interface {
	// Settled is called for each outcome that the store has confirmed.
	Settled(Settled)
	// Lost is called for each delivery that another replica may send from then on.
	Lost(id string)
}

// Start starts this program again as a victim. Its log goes to log. watcher may be nil.
func Start(c Config, log *os.File, watcher Watcher) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start victim: %w", err)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("start victim: %w", err)
	}
	p := &Process{
		cmd:       exec.Command(self),
		listening: make(chan struct{}),
		ended:     make(chan struct{}),
		watcher:   watcher,
	}
	p.cmd.Env = append(os.Environ(), configVariable+"="+string(text))
	p.cmd.Stderr = log
	if _, err := p.cmd.StdinPipe(); err != nil { // its end is this process's
		return nil, fmt.Errorf("start victim: %w", err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start victim: %w", err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start victim: %w", err)
	}
	go p.follow(out)
	return p, nil
}

// follow reads the victim's whole output, to the end.
func (p *Process) follow(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case words[0] == listening:
			p.address, p.probes = words[1], words[2]
			close(p.listening)
		case p.watcher == nil:
		case words[0] == lost:
			p.watcher.Lost(words[1])
		case len(words) == 2:
			p.watcher.Settled(Settled{Kind: queue.Kind(words[0]), ID: words[1]})
		default:
			p.watcher.Settled(Settled{Kind: queue.Kind(words[0]), ID: words[1], Build: words[2], Address: words[3]})
		}
	}
	p.err = p.cmd.Wait()
	close(p.ended)
}

// URL waits until the victim accepts webhooks, and returns its URL.
func (p *Process) URL(ctx context.Context) (string, error) {
	select {
	case <-p.listening:
		return "http://" + p.address + pathPrefix, nil
	case <-p.ended:
		return "", errors.New("the victim ended by itself: its log says why")
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// ProbesURL is where /readyz and /metrics are, once URL has returned.
func (p *Process) ProbesURL() string { return "http://" + p.probes }

// Listened reports whether it ever accepted webhooks.
func (p *Process) Listened() bool {
	select {
	case <-p.listening:
		return true
	default:
		return false
	}
}

// Pid of the process.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended and its output was read.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill kills the victim, and waits until its output was read. It is an error if it had ended before.
func (p *Process) Kill() error {
	_ = p.cmd.Process.Kill()
	<-p.ended
	var exit *exec.ExitError
	if errors.As(p.err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled() {
		return nil
	}
	return fmt.Errorf("the victim had ended by itself: %w", errors.Join(p.err, errors.New("its log says why")))
}

// stopTimeout bounds a graceful end.
const stopTimeout = 45 * time.Second

// Stop has the victim end as it does when it is asked to.
func (p *Process) Stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return p.err
	case <-time.After(stopTimeout):
		return errors.Join(fmt.Errorf("the victim did not end within %s", stopTimeout), p.Kill())
	}
}
