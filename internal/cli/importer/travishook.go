package importer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
)

// TravisHook converts the output of TravisHook's command config: JSON, with or without a chat's code
// marks.
func TravisHook(config []byte, options Options) (*Result, error) {
	text := strings.Trim(strings.TrimSpace(string(config)), "`")
	text = strings.TrimPrefix(strings.TrimSpace(text), "json\n")
	var old map[string]any // YAML also parses JSON and the output of Python
	if err := yaml.Unmarshal([]byte(text), &old); err != nil {
		return nil, fmt.Errorf("not TravisHook's configuration: %w", err)
	}
	if _, ok := old["repositories"]; !ok {
		return nil, errors.New("not TravisHook's configuration: it has no repositories")
	}
	r := newResult(options)
	for _, key := range slices.Sorted(maps.Keys(old)) {
		switch key {
		case "default_events":
			r.defaultEvents(old[key])
		case "repositories":
		default:
			r.note(key, "unknown setting; it is left out")
		}
	}
	repositories, ok := old["repositories"].(map[string]any)
	if !ok {
		return nil, errors.New("not TravisHook's configuration: repositories is not an object")
	}
	for _, repository := range slices.Sorted(maps.Keys(repositories)) {
		r.repository(repository, repositories[repository])
	}
	return r, nil
}

func (r *Result) defaultEvents(value any) {
	const where = "default_events"
	events := r.events(where, words(value))
	if len(events) == 0 {
		r.note(where, "the list is empty; the defaults are not changed")
		return
	}
	d := &v1alpha1.TravisDefaults{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.options.Namespace, Name: v1alpha1.DefaultsName},
		Spec:       v1alpha1.TravisDefaultsSpec{Events: events},
	}
	d.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("TravisDefaults"))
	r.Objects = append(r.Objects, d)
}

func (r *Result) repository(name string, value any) {
	where := "repositories." + name
	old, ok := value.(map[string]any)
	if !ok || strings.Count(name, "/") != 1 {
		r.note(where, "it does not have the form of a repository; it is left out")
		return
	}
	routes, _ := old["routes"].(map[string]any)
	switch token, ok := old["token"].(string); {
	case !ok || token == "" || token == "None":
		r.note(where+".token", "no token: create one with kubectl travis token %s --generate", name)
	default:
		r.token(name, token)
	}
	for _, room := range slices.Sorted(maps.Keys(routes)) {
		r.channel(where+".routes."+room, name, room, routes[room])
	}
	if len(routes) == 0 {
		r.note(where+".routes", "no routes")
	}
}

// labelManagedBy marks the Secrets that kubectl travis may delete.
const labelManagedBy = "app.kubernetes.io/managed-by"

func (r *Result) token(repository, token string) {
	r.Tokens = append(r.Tokens, Token{repository, secret.New(token)})
	s := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.options.Namespace, Name: r.name([]string{"travis token", repository}),
			Labels: map[string]string{v1alpha1.LabelSecretType: v1alpha1.SecretTypeToken, labelManagedBy: r.options.ManagedBy},
		},
		StringData: map[string]string{"repository": repository, "token": token},
	}
	s.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
	r.Objects = append(r.Objects, s)
}

func (r *Result) channel(where, repository, address string, value any) {
	spec := v1alpha1.TravisRouteSpec{
		Repository: repository,
		Channels:   []v1alpha1.Channel{{Account: r.options.Account, Address: address}},
	}
	list := value
	if old, ok := value.(map[string]any); ok {
		list = old["events"]
	}
	if spec.Events = r.events(where, words(list)); len(spec.Events) == 0 {
		r.note(where, "it lists no events, so TravisHook sent nothing there; the route is suspended: set its events and resume it, or delete it")
		spec.Suspend = true
	}
	r.route(spec)
}

// words returns the strings of a list.
func words(value any) []string {
	var all []string
	switch value := value.(type) {
	case string:
		all = append(all, value)
	case []any:
		for _, item := range value {
			all = append(all, fmt.Sprint(item))
		}
	}
	return all
}
