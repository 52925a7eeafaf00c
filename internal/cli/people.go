package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

func newPeople(e *environment) *cobra.Command {
	var check bool
	const form = "people [ADDRESS…]"
	cmd := &cobra.Command{
		Use:     form,
		GroupID: groupRoutes,
		Short:   "Show the people that messages can mention, and check the list",
		Long: `Show the people that messages can mention, and check the list.

The people come from the namespace's TravisDefaults and its ConfigMap, and then from the operator's
namespace. ADDRESS is an e-mail address of a commit; - reads addresses from standard input, one per line.
They stay on this machine.

With --check, the exit code is 1 if something in the list is wrong, or if an ADDRESS is not in it.`,
		Example: `  # Show the people of this namespace
  kubectl travis people

  # Report mistakes in the list
  kubectl travis people --check

  # Find the authors of a repository who are not in the list
  git log --since=1.year --format=%ae | kubectl travis people --check -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			addresses, err := e.readAddresses(args)
			if err != nil {
				return err
			}
			c, namespace, err := e.connect()
			if err != nil {
				return err
			}
			s, err := e.snapshot(cmd.Context(), c, namespace)
			if err != nil {
				return err
			}
			if err := s.readPeople(cmd.Context(), c); err != nil {
				return err
			}
			return e.showPeople(s, namespace, addresses, check)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "Report only what is wrong or missing.")
	return cmd
}

// maxAddresses bounds the addresses of the standard input.
const maxAddresses = 1_000_000

// readAddresses returns the addresses of the arguments and of the standard input, each once.
func (e *environment) readAddresses(args []string) ([]string, error) {
	var all []string
	seen := map[string]bool{}
	add := func(address string) {
		address = strings.ToLower(strings.TrimSpace(address))
		if address != "" && !seen[address] && len(all) < maxAddresses {
			seen[address] = true
			all = append(all, address)
		}
	}
	for _, arg := range args {
		if arg != "-" {
			add(arg)
			continue
		}
		lines := bufio.NewScanner(io.LimitReader(e.In, maxManifest))
		for lines.Scan() {
			add(lines.Text())
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
	}
	for _, address := range all {
		if travis.HashEmail(address) == "" {
			return nil, usage("%q is not an e-mail address", address)
		}
	}
	return all, nil
}

// readPeople passes the ConfigMaps that the TravisDefaults name to the compiler, as far as the caller may read them.
func (s *snapshot) readPeople(ctx context.Context, c client.Client) error {
	for _, key := range s.compiler.PeopleSources() {
		var m corev1.ConfigMap
		err := c.Get(ctx, key, &m)
		if apierrors.IsForbidden(err) {
			s.peopleHidden = append(s.peopleHidden, key)
			continue
		}
		if err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		s.compiler.PutPeople(key, routing.PeopleData{Found: err == nil, YAML: m.Data[v1alpha1.PeopleKey]})
	}
	return nil
}

// showPeople prints the people, or the owner of each address. With check it prints only what is wrong.
func (e *environment) showPeople(s *snapshot, namespace string, addresses []string, check bool) error {
	for _, key := range s.peopleHidden {
		e.note("note: you may not read ConfigMap %s of namespace %s, so its people are missing here", key.Name, key.Namespace)
	}
	wrong := false
	for _, level := range slices.Compact([]string{namespace, s.operatorNamespace}) {
		verdict, _ := s.compiler.DefaultsVerdict(level)
		for _, f := range verdict.Faults {
			if f.Reason == v1alpha1.ReasonPeopleInvalid {
				wrong = true
				e.note("TravisDefaults of namespace %s: %s", level, f.Message)
			}
		}
	}
	if len(addresses) == 0 {
		if err := e.listPeople(s, namespace, check); err != nil {
			return err
		}
	} else if e.listAddresses(s, namespace, addresses, check) {
		wrong = true
	}
	if wrong && check {
		return errReported
	}
	return nil
}

func (e *environment) listPeople(s *snapshot, namespace string, check bool) error {
	people := s.compiler.Table().People(namespace)
	if check {
		fmt.Fprintf(e.Out, "%d people%s\n", len(people), inNamespace(namespace))
		return nil
	}
	t := newTable(e.Out, "NAME", "IDS", "ADDRESSES")
	for _, p := range people {
		t.row(p.Name, showIDs(p), fmt.Sprint(p.Addresses))
	}
	return t.end()
}

// listAddresses reports whether an address is missing.
func (e *environment) listAddresses(s *snapshot, namespace string, addresses []string, check bool) (missing bool) {
	for _, address := range addresses {
		p, ok := s.compiler.Table().Person(namespace, travis.HashEmail(address))
		switch {
		case !ok:
			missing = true
			fmt.Fprintf(e.Out, "%s: not in people\n", printable(address))
		case !check:
			fmt.Fprintf(e.Out, "%s: %s (%s)\n", printable(address), printable(p.Name), showIDs(p))
		}
	}
	return missing
}

func showIDs(p *routing.Person) string {
	var ids []string
	for _, service := range slices.Sorted(maps.Keys(p.IDs)) {
		ids = append(ids, service+": "+printable(p.IDs[service]))
	}
	return strings.Join(ids, ", ")
}
