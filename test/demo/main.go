// The demo shows travishook at work with real parts: an API server, the operator, manifests, webhooks as
// Travis signs them, and the messages that arrive in a channel.
//
// It exits with 0 if every expected message arrived, and nothing else. KEEP=1 keeps everything running.
// BREAK=key, BREAK=operator and BREAK=channel break one part; then it must fail and name the step.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "post" {
		exit(postAnother(context.Background(), os.Args[2:]))
	}
	breaks := os.Getenv("BREAK")
	if known := []string{"", "key", "operator", "channel"}; !slices.Contains(known, breaks) {
		exit(fmt.Errorf("BREAK=%s: unknown part; use one of%s", breaks, strings.Join(known, " ")))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &demo{breaks: breaks, keep: os.Getenv("KEEP") != ""}
	err := d.run(ctx)
	d.cleanUp()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "\nThe demo failed:", err)
		os.Exit(1)
	}
	os.Exit(0)
}
