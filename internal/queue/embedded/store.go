package embedded

import (
	"context"
	"errors"

	"github.com/travishook/travishook/internal/queue/engine"
)

// OpenStore opens a store in a directory: an engine on an embedded log. The directory needs 1.5 times
// opt.MaxBytes.
func OpenStore(ctx context.Context, dir string, opt engine.Options) (*engine.Engine, error) {
	if opt.MaxBytes == 0 {
		opt.MaxBytes = engine.DefaultMaxBytes
	}
	if err := engine.CheckLimit(opt.MaxBytes); err != nil {
		return nil, err
	}
	log, err := Open(ctx, Options{Dir: dir, Limit: opt.MaxBytes, Log: opt.Logger})
	if err != nil {
		return nil, err
	}
	opt.Log = log
	e, err := engine.Open(ctx, opt)
	if err != nil {
		return nil, errors.Join(err, log.Close(ctx))
	}
	return e, nil
}
