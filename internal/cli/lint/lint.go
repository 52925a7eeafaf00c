// Package lint checks manifests without a cluster, with what the cluster would check them with: the
// CRDs' schema and CEL rules, and the operator's compiler. It is pure.
package lint

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/internal/routing"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the API server rejects it, or the operator cannot use it
	Warning Severity = "warning" // it works, but perhaps not as intended
)

// Finding is something wrong in a manifest.
type Finding struct {
	File     string   `json:"file"`
	Line     int      `json:"line"` // from 1
	Severity Severity `json:"severity"`
	Object   string   `json:"object,omitempty"` // kind, namespace and name
	Field    string   `json:"field,omitempty"`
	Message  string   `json:"message"`
}

// File is a file with manifests.
type File struct {
	Name string
	// Source is the argument of the command line that the file came with: the file itself, or a
	// folder. A source without anything for the operator is an error.
	Source  string
	Content []byte
}

// Result is the result of Check.
type Result struct {
	Findings []Finding // by file and line
	Checked  int       // TravisRoutes, TravisDefaults and Secrets for the operator
	// Routes are those that pass the schema. The compiler has them.
	Routes []types.NamespacedName
}

// Errors counts the findings of that severity.
func (r *Result) Errors() int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == Error {
			n++
		}
	}
	return n
}

// Check checks all files together, so that they may refer to each other. compiler must be empty.
// Objects without a namespace are checked as in namespace.
func Check(files []File, compiler *routing.Compiler, namespace string) (*Result, error) {
	kinds, err := loadKinds()
	if err != nil {
		return nil, err
	}
	l := &linter{kinds: kinds, compiler: compiler, namespace: namespace, relevant: map[string]bool{}}
	for _, f := range files {
		l.file(f)
	}
	l.emptySources(files)
	l.compile()
	slices.SortStableFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	r := &Result{Findings: slices.Compact(l.findings), Checked: l.checked}
	for _, route := range l.objects.routes {
		r.Routes = append(r.Routes, types.NamespacedName{Namespace: route.object.Namespace, Name: route.object.Name})
	}
	return r, nil
}

// linter is a run of Check.
type linter struct {
	kinds     map[string]*kind
	compiler  *routing.Compiler
	namespace string

	relevant map[string]bool // sources with something to check
	checked  int
	findings []Finding
	objects  objects
}

// file checks each object of a file by itself, and keeps the valid ones for compile.
func (l *linter) file(f File) {
	documents, err := parse(f)
	if err != nil {
		l.findings = append(l.findings, *err)
		l.relevant[f.Source] = true
	}
	for _, d := range documents {
		before := l.checked
		switch {
		case d.group() == group:
			l.checked++
			l.own(d)
		case d.kind == "TravisRoute" || d.kind == "TravisDefaults":
			l.checked++
			l.otherGroup(d)
		case d.apiVersion == "v1" && d.kind == "Secret":
			l.secret(d)
		case d.apiVersion == "v1" && d.kind == "ConfigMap":
			l.people(d)
		case d.apiVersion == "v1" && d.kind == "Namespace":
			l.objects.namespaces = append(l.objects.namespaces, d)
		}
		if l.checked > before {
			l.relevant[f.Source] = true
		}
	}
}

// otherGroup reports an object that the API server would not recognize as one of the operator's.
func (l *linter) otherGroup(d *document) {
	if d.apiVersion == "" {
		l.report(d, Error, "apiVersion", "the apiVersion is missing: write apiVersion: %s/v1alpha1", group)
		return
	}
	l.report(d, Error, "apiVersion", "unknown apiVersion %q of a %s: write apiVersion: %s/v1alpha1", d.apiVersion, d.kind, group)
}

// emptySources reports arguments without anything to check, such as a mistyped folder in a pipeline.
func (l *linter) emptySources(files []File) {
	for _, f := range files {
		if f.Source == "" || l.relevant[f.Source] {
			continue
		}
		l.relevant[f.Source] = true // report it once
		l.findings = append(l.findings, Finding{
			File: f.Source, Line: 1, Severity: Error,
			Message: "nothing to check: no TravisRoute, TravisDefaults or Secret for the operator here",
		})
	}
}

// own checks an object of the operator's API group.
func (l *linter) own(d *document) {
	k, ok := l.kinds[d.apiVersion+" "+d.kind]
	if !ok {
		l.report(d, Error, "kind", "unknown kind %s in %s: the kinds are TravisRoute and TravisDefaults in %s/v1alpha1", d.kind, d.apiVersion, group)
		return
	}
	faults := k.check(d.value)
	for _, f := range faults {
		l.report(d, Error, f.field, "%s", f.message)
	}
	if !slices.ContainsFunc(faults, func(f fault) bool { return !f.unknown }) {
		l.keep(d)
	}
}
