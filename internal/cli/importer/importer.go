// Package importer converts TravisHook's configuration and the notifications section of a .travis.yml
// to manifests. It is pure. Settings that cannot be converted are noted.
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
	"github.com/travishook/travishook/internal/secret"
)

// Options supply what the old configuration does not say.
type Options struct {
	Namespace string // of the objects; may be empty
	Account   string // of the channels; empty is the default account
	ManagedBy string // the Secrets' label app.kubernetes.io/managed-by
	// Repository of a .travis.yml. TravisHook's configuration has its own.
	Repository string
	// Services that the operator supports, by the name of their block.
	Services []string
}

// Result is the result of a conversion.
type Result struct {
	Objects []client.Object
	// Notes list what could not be converted exactly: a line each, with its place in the file.
	Notes []string
	// Tokens are the tokens of the Secrets in Objects, which contain them in clear text.
	Tokens []Token

	options Options
	names   map[string]bool   // of routes
	urls    map[string]string // of webhooks, by the key of the Secret
}

// Token authorizes the namespace for a repository.
type Token struct {
	Repository string
	Token      secret.Value
}

func newResult(options Options) *Result {
	return &Result{options: options, names: map[string]bool{}, urls: map[string]string{}}
}

func (r *Result) note(where, format string, args ...any) {
	r.Notes = append(r.Notes, where+": "+fmt.Sprintf(format, args...))
}

// events parses a list of names and notes unknown ones.
func (r *Result) events(where string, words []string) []v1alpha1.EventName {
	var events []v1alpha1.EventName
	for _, word := range words {
		name := v1alpha1.EventName(word)
		if _, err := routing.ParseEvents([]v1alpha1.EventName{name}); err != nil {
			r.note(where, "unknown event %q; it is left out", word)
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

// route adds a TravisRoute.
func (r *Result) route(spec v1alpha1.TravisRouteSpec) {
	words := []string{spec.Repository}
	for _, c := range spec.Channels {
		words = append(words, c.Account, c.Address)
	}
	route := &v1alpha1.TravisRoute{ObjectMeta: metav1.ObjectMeta{Namespace: r.options.Namespace, Name: r.name(words)}, Spec: spec}
	route.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TravisRoute"))
	r.Objects = append(r.Objects, route)
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// maxName leaves room for a hash in the 63 characters of a label's value.
const maxName = 54

// name derives a name from words that no other object of the result has.
func (r *Result) name(words []string) string {
	whole := strings.Join(words, " ")
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(whole), "-"), "-")
	if len(name) > maxName || r.names[name] {
		sum := sha256.Sum256([]byte(whole))
		name = strings.Trim(name[:min(len(name), maxName)], "-") + "-" + hex.EncodeToString(sum[:4])
	}
	r.names[name] = true
	return name
}
