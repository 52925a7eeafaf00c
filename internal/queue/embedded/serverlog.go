package embedded

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/go-logr/logr"
)

// serverLog writes the embedded server's log to the operator's. Its notices are details here. It never
// contains a message of a stream.
type serverLog struct {
	log   logr.Logger
	fatal atomic.Pointer[string] // why the server cannot run

	// broken ends, with the disk's error as its cause, when the disk has refused a write. The server then
	// answers no append, and its log is the only place that says why.
	broken  context.Context
	setDown context.CancelCauseFunc
}

func newServerLog(log logr.Logger) *serverLog {
	broken, setDown := context.WithCancelCause(context.Background())
	return &serverLog{log: log, broken: broken, setDown: setDown}
}

// writeError is how the server reports the error of a write, after which it stops writing.
const writeError = "Critical write error: "

func (l *serverLog) Noticef(format string, v ...any) { l.log.V(1).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }

func (l *serverLog) Errorf(format string, v ...any) {
	err := fmt.Errorf(format, v...)
	l.log.Error(err, "embedded server reports an error")
	if _, reason, found := strings.Cut(err.Error(), writeError); found {
		if at := strings.LastIndex(reason, ": "); at >= 0 {
			reason = reason[at+len(": "):] // without the path, which says nothing to a person
		}
		l.setDown(errors.New(reason))
	}
}

// Fatalf records the error for the caller that waits for the start. Unlike other implementations, it does
// not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	reason := fmt.Sprintf(format, v...)
	l.fatal.Store(&reason)
}
