package app

import (
	"context"

	"github.com/travishook/travishook/internal/receiver"
)

// Check returns an error, in one sentence, unless the webhook URL leads to the receiver of an operator that is
// ready.
func Check(ctx context.Context, url string) error { return receiver.Check(ctx, url) }
