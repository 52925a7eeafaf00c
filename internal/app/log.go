package app

import (
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
	level := map[string]zapcore.Level{"debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "error": zapcore.ErrorLevel}[s.Level]
	encoder := zap.JSONEncoder
	if s.Format == "console" {
		encoder = zap.ConsoleEncoder
	}
	log := zap.New(
		zap.WriteTo(os.Stderr), zap.Level(level),
		encoder(func(c *zapcore.EncoderConfig) { c.EncodeTime = zapcore.RFC3339NanoTimeEncoder }),
	)
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("kubernetes"))
	return log
}
