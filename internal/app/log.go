package app

import (
	"io"
	"os"

	"github.com/go-logr/logr"
	"go.uber.org/zap/zapcore"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/travishook/travishook/internal/settings"
)

// newLogger returns the logger of the process, which the Kubernetes libraries use too.
func newLogger(s settings.Log) logr.Logger {
	log := logTo(os.Stderr, s)
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("kubernetes"))
	return log
}

// logTo returns a logger that writes to w.
func logTo(w io.Writer, s settings.Log) logr.Logger {
	level := map[string]zapcore.Level{"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "error": zapcore.ErrorLevel}[s.Level]
	encoder := zap.JSONEncoder
	if s.Format == "console" {
		encoder = zap.ConsoleEncoder
	}
	return zap.New(
		zap.WriteTo(w), zap.Level(level),
		// An error has its cause in its text. Where in the program it was logged helps nobody who operates it.
		zap.StacktraceLevel(zapcore.PanicLevel),
		encoder(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.RFC3339NanoTimeEncoder }),
	)
}
