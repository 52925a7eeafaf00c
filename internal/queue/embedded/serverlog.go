package embedded

import (
	"fmt"
	"sync/atomic"

	"github.com/go-logr/logr"
)

// serverLog writes the embedded server's log to the operator's. Its notices are details here. It never
// contains a message of a stream.
type serverLog struct {
	log   logr.Logger
	fatal atomic.Pointer[string] // why the server cannot run
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.V(1).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error(fmt.Errorf(format, v...), "embedded server reports an error")
}

// Fatalf records the error for the caller that waits for the start. Unlike other implementations, it does
// not end the process.
func (l *serverLog) Fatalf(format string, v ...any) {
	reason := fmt.Sprintf(format, v...)
	l.fatal.Store(&reason)
}
