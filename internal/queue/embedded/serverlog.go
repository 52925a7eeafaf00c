package embedded

import (
	"fmt"
	"sync/atomic"

	"github.com/go-logr/logr"
)

// serverLog has the embedded server write into our log. What it takes for a notice is detail
// to us. No message of a stream is ever in it.
type serverLog struct {
	log   logr.Logger
	fatal atomic.Pointer[string] // why the server cannot run
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.V(1).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Warnf(format string, v ...any)   { l.log.Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }

func (l *serverLog) Errorf(format string, v ...any) {
	l.log.Error(fmt.Errorf(format, v...), "Embedded server reports an error")
}

// Fatalf does not end the process, as the server expects: whoever waits for its start is told.
func (l *serverLog) Fatalf(format string, v ...any) {
	reason := fmt.Sprintf(format, v...)
	l.fatal.Store(&reason)
}
