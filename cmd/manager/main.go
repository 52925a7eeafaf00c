// The travishook operator.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/travishook/travishook/internal/app"
)

func main() {
	var o app.Options
	flag.StringVar(&o.Settings, "settings", "", "`file` with the operator's settings; without it, the defaults hold")
	flag.StringVar(&o.Kubeconfig, "kubeconfig", "", "`file` that says how to reach the cluster; without it, $KUBECONFIG, then the pod's own service account")
	flag.StringVar(&o.Namespace, "namespace", app.DefaultNamespace(), "the operator's own `namespace`, with the cluster-wide TravisDefaults")
	version := flag.Bool("version", false, "print the version and end")
	flag.Parse()
	if *version {
		fmt.Println(app.Version())
		return
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := app.Run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "travishook:", err)
		os.Exit(1)
	}
}
