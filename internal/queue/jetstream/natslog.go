package jetstream

import (
	"fmt"

	"github.com/go-logr/logr"
)

// serverLog has the embedded server write into our log. What it takes for a notice is detail
// to us. No message of a stream is ever in it.
type serverLog struct{ log logr.Logger }

func (l serverLog) Noticef(format string, v ...any) { l.log.V(1).Info(fmt.Sprintf(format, v...)) }
func (l serverLog) Warnf(format string, v ...any)   { l.log.Info(fmt.Sprintf(format, v...)) }
func (l serverLog) Debugf(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }
func (l serverLog) Tracef(format string, v ...any)  { l.log.V(2).Info(fmt.Sprintf(format, v...)) }

func (l serverLog) Errorf(format string, v ...any) {
	l.log.Error(fmt.Errorf(format, v...), "Embedded server reports an error")
}

// Fatalf does not end the process: the next append finds out, and is answered for.
func (l serverLog) Fatalf(format string, v ...any) { l.Errorf(format, v...) }
