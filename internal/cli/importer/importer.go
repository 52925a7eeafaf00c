// Package importer turns what people had before into manifests: TravisHook's configuration, and
// the notifications section of a .travis.yml. It is pure. Whatever cannot be carried over is said.
package importer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// Options say what the old words leave open.
type Options struct {
	Namespace string // of the objects; empty leaves it to whoever applies them
	Account   string // of the rooms; empty is the default account
	// Repository that a .travis.yml is of. TravisHook's configuration names its own.
	Repository string
	// Services that the operator knows, by the name of their block.
	Services []string
}

// Result is what was made.
type Result struct {
	Objects []client.Object
	// Notes are what could not be carried over, or not quite, a line each, with where it stood.
	Notes []string
	// Secrets is set where Objects hold secrets in the clear.
	Secrets bool

	options Options
	names   map[string]bool // of routes
}

func newResult(options Options) *Result {
	return &Result{options: options, names: map[string]bool{}}
}

func (r *Result) note(where, format string, args ...any) {
	r.Notes = append(r.Notes, where+": "+fmt.Sprintf(format, args...))
}

// events reads a list of names, and notes those that nobody knows.
func (r *Result) events(where string, words []string) []v1alpha1.EventName {
	var events []v1alpha1.EventName
	for _, word := range words {
		name := v1alpha1.EventName(word)
		if _, err := routing.ParseEvents([]v1alpha1.EventName{name}); err != nil {
			r.note(where, "there is no event %q; it is left out", word)
			continue
		}
		if !slices.Contains(events, name) {
			events = append(events, name)
		}
	}
	if slices.Contains(events, v1alpha1.EventAll) {
		return []v1alpha1.EventName{v1alpha1.EventAll}
	}
	return events
}

// route adds one.
func (r *Result) route(spec v1alpha1.TravisRouteSpec) {
	words := []string{spec.Repository}
	for _, c := range spec.Channels {
		words = append(words, c.Account, c.Address)
	}
	route := &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: r.options.Namespace, Name: r.name(words)}, Spec: spec}
	route.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TravisRoute"))
	r.Objects = append(r.Objects, route)
}

var notOfName = regexp.MustCompile(`[^a-z0-9]+`)

// maxName leaves room for a digest in the 63 characters of a label's value.
const maxName = 54

// name makes one out of words that no other route of the result has.
func (r *Result) name(words []string) string {
	whole := strings.Join(words, " ")
	name := strings.Trim(notOfName.ReplaceAllString(strings.ToLower(whole), "-"), "-")
	if len(name) > maxName || r.names[name] {
		sum := sha256.Sum256([]byte(whole))
		name = strings.Trim(name[:min(len(name), maxName)], "-") + "-" + hex.EncodeToString(sum[:4])
	}
	r.names[name] = true
	return name
}
