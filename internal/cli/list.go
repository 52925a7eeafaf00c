package cli

import (
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// lister prints objects as a table, or in the format of --output.
type lister struct {
	env    *environment
	output *genericclioptions.PrintFlags
}

func newLister(e *environment) *lister {
	return &lister{env: e, output: genericclioptions.NewPrintFlags("")}
}

func (l *lister) addFlags(cmd *cobra.Command) {
	l.output.AddFlags(cmd)
	completeOutput(cmd, "wide", "yaml", "json", "name")
	flag := cmd.Flags().Lookup("output")
	flag.Usage = "Output format: wide, or one of " + flag.Usage[len("Output format. One of: "):]
}

func (l *lister) wide() bool       { return *l.output.OutputFormat == "wide" }
func (l *lister) structured() bool { return *l.output.OutputFormat != "" && !l.wide() }

// check validates the output format before any request is made.
func (l *lister) check() error {
	if l.wide() {
		return nil
	}
	_, err := l.output.ToPrinter()
	return err
}

func (l *lister) print(list runtime.Object) error {
	printer, err := l.output.ToPrinter()
	if err != nil {
		return err
	}
	if *l.output.OutputFormat != "name" {
		return printer.PrintObj(list, l.env.Out)
	}
	return meta.EachListItem(list, func(o runtime.Object) error { return printer.PrintObj(o, l.env.Out) })
}
