// The travishook operator.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/travishook/travishook/internal/app"
	"github.com/travishook/travishook/internal/version"
)

func main() {
	var o app.Options
	// A separate set, because libraries add flags to the common one.
	flags := flag.NewFlagSet("travishook", flag.ExitOnError)
	flags.StringVar(&o.Settings, "settings", "", "`file` with the operator's settings; without it, the defaults apply")
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig `file`; without it, $KUBECONFIG, then the pod's own service account")
	flags.StringVar(&o.Namespace, "namespace", app.DefaultNamespace(), "the operator's own `namespace`, with the cluster-wide TravisDefaults")
	applyCRDs := flags.Bool("apply-crds", false, "bring the cluster's CRDs to this version and exit")
	check := flags.String("check", "", "check that the webhook `URL` leads to an operator that is ready, and exit")
	showVersion := flags.Bool("version", false, "print the version and exit")
	_ = flags.Parse(os.Args[1:]) // it ends the program itself
	if *showVersion {
		fmt.Println(version.String())
		return
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "travishook: unexpected argument %q: only flags are accepted; --help lists them\n", flags.Arg(0))
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	run := app.Run
	switch {
	case *applyCRDs:
		run = app.ApplyCRDs
	case *check != "":
		run = func(ctx context.Context, _ app.Options) error { return app.Check(ctx, *check) }
	}
	err := run(ctx, o)
	stop()
	if err != nil {
		// One line, because the last one is what people read first: it ends what kubectl describe pod shows.
		fmt.Fprintln(os.Stderr, "travishook:", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
	if *check != "" {
		fmt.Println(*check, "leads to travishook, which is ready")
	}
}
