package routing

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/secret"
)

var update = flag.Bool("update", false, "update the golden files")

// TestCompile compiles the objects of each testdata/*.in.yaml and compares the result with *.out.yaml: in
// the order of the file and in others, which must not matter.
func TestCompile(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, in := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(in), ".in.yaml"), func(t *testing.T) {
			objects := readObjects(t, in)
			golden := strings.Replace(in, ".in.", ".out.", 1)
			got := compileAll(t, objects)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("differs from %s; if that is right, run: go test ./internal/routing -update\n%s", golden, diff)
			}
			for seed := range uint64(50) {
				rng := rand.New(rand.NewPCG(seed, 0))
				rng.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
				if diff := cmp.Diff(string(want), string(compileAll(t, objects))); diff != "" {
					t.Fatalf("in the order of seed %d it differs:\n%s", seed, diff)
				}
			}
		})
	}
}

// readObjects reads a file of several YAML documents.
func readObjects(t *testing.T, path string) []any {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var objects []any
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		objects = append(objects, readObject(t, doc))
	}
	return objects
}

func readObject(t *testing.T, doc []byte) any {
	t.Helper()
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(doc, &meta); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]any{
		"TravisRoute":    &v1alpha1.TravisRoute{},
		"TravisDefaults": &v1alpha1.TravisDefaults{},
		"Secret":         &corev1.Secret{},
		"Namespace":      &corev1.Namespace{},
	}
	object, ok := kinds[meta.Kind]
	if !ok {
		t.Fatalf("unknown kind %q", meta.Kind)
	}
	if err := yaml.UnmarshalStrict(doc, object); err != nil {
		t.Fatal(err)
	}
	return object
}

func put(c *Compiler, object any) {
	switch o := object.(type) {
	case *v1alpha1.TravisRoute:
		c.PutRoute(o)
	case *v1alpha1.TravisDefaults:
		c.PutDefaults(o)
	case *corev1.Namespace:
		c.PutNamespace(o.Name, o.Labels)
	case *corev1.Secret:
		if o.Labels[v1alpha1.LabelSecretType] == "" {
			c.DeleteSecret(types.NamespacedName{Namespace: o.Namespace, Name: o.Name})
			c.PutUnlabeled(types.NamespacedName{Namespace: o.Namespace, Name: o.Name})
			return
		}
		c.PutSecret(secretOf(o))
	default:
		panic(fmt.Sprintf("put %T", object))
	}
}

func secretOf(s *corev1.Secret) Secret {
	data := map[string]secret.Value{}
	for k, v := range s.StringData {
		data[k] = secret.New(v)
	}
	return Secret{Namespace: s.Namespace, Name: s.Name, Type: s.Labels[v1alpha1.LabelSecretType], Data: data}
}

// The form of a golden file.
type (
	outcome struct {
		Routes       map[string]routeOut     `json:"routes,omitempty"`
		Defaults     map[string]defaultsOut  `json:"defaults,omitempty"`
		Repositories map[string][]namespaces `json:"repositories,omitempty"`
	}
	routeOut struct {
		Accepted, Resolved bool
		Events             string
		Problems           []Problem `json:",omitempty"`
		Warnings           []string  `json:",omitempty"`
		Message            string    `json:",omitempty"`
		Targets            []string
	}
	defaultsOut struct {
		Problems       []Problem `json:",omitempty"`
		Warnings       []string  `json:",omitempty"`
		Accounts       []string  `json:",omitempty"`
		MissingSecrets []string  `json:",omitempty"`
	}
	namespaces struct {
		Name          string
		Tokens        int   `json:",omitempty"`
		SignatureOnly bool  `json:",omitempty"`
		RepositoryID  int64 `json:",omitempty"`
		Routes        []string
	}
)

func compileAll(t *testing.T, objects []any) []byte {
	t.Helper()
	c := NewCompiler(testConfig())
	for _, o := range objects {
		put(c, o)
	}
	return marshal(t, outcomes(c, objects))
}

func outcomes(c *Compiler, objects []any) outcome {
	out := outcome{Routes: map[string]routeOut{}, Defaults: map[string]defaultsOut{}, Repositories: map[string][]namespaces{}}
	for _, o := range objects {
		switch o := o.(type) {
		case *v1alpha1.TravisRoute:
			out.addRoute(c, o)
		case *v1alpha1.TravisDefaults:
			out.addDefaults(c, o.Namespace)
		}
	}
	return out
}

func marshal(t *testing.T, out outcome) []byte {
	t.Helper()
	text, err := yaml.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (out *outcome) addRoute(c *Compiler, o *v1alpha1.TravisRoute) {
	v, _ := c.Verdict(types.NamespacedName{Namespace: o.Namespace, Name: o.Name})
	r, _ := c.Table().Route(o.Namespace, o.Name)
	ro := routeOut{v.Accepted(), v.Resolved(), v.Events.String(), v.Problems(), v.Warnings, "", nil}
	if r.Message != nil {
		ro.Message = r.Message.Text
	}
	for _, target := range r.Targets {
		line := fmt.Sprintf("%s %s -> %s", target.Account, target.Address, target.Channel)
		if target.AccountKey != "" {
			line += " at " + target.AccountKey
		}
		ro.Targets = append(ro.Targets, line)
	}
	out.Routes[o.Namespace+"/"+o.Name] = ro
	repository, ok := c.Table().Repository(o.Spec.Repository)
	if !ok {
		return
	}
	var all []namespaces
	for _, n := range repository.Namespaces {
		one := namespaces{n.Name, len(n.Proofs), n.SignatureOnly, n.RepositoryID, nil}
		for _, r := range n.Routes {
			one.Routes = append(one.Routes, r.Name)
		}
		all = append(all, one)
	}
	out.Repositories[repository.Slug] = all
}

func (out *outcome) addDefaults(c *Compiler, namespace string) {
	v, _ := c.DefaultsVerdict(namespace)
	do := defaultsOut{append(append(v.Invalid, v.Unresolved...), v.Faults...), v.Warnings, nil, v.MissingSecrets}
	for _, a := range v.Accounts {
		usable := "usable"
		if a.Problem != nil {
			usable = a.Problem.Reason
		}
		do.Accounts = append(do.Accounts, a.Name+" "+a.Service+" "+usable)
	}
	out.Defaults[namespace] = do
}
