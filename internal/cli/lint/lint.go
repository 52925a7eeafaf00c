// Package lint checks manifests without a cluster, by what the cluster checks them with: the
// kinds' own schema and CEL rules, and the operator's own compiler. It is pure.
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
	Error   Severity = "error"   // the cluster would refuse it, or the operator could not use it
	Warning Severity = "warning" // it works, and perhaps not as meant
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
	Name    string
	Content []byte
}

// Result is what checking came to.
type Result struct {
	Findings []Finding // by file and line
	Checked  int       // objects of travishook's own kinds
	// Routes are those that their schema found right. The compiler has them.
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

// Check checks all files together, so that they may refer to each other. compiler is an empty one
// of the operator's. Objects that name no namespace count as being in namespace.
func Check(files []File, compiler *routing.Compiler, namespace string) (*Result, error) {
	kinds, err := loadKinds()
	if err != nil {
		return nil, err
	}
	l := &linter{kinds: kinds, compiler: compiler, namespace: namespace}
	for _, f := range files {
		l.file(f)
	}
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

	checked  int
	findings []Finding
	objects  objects
}

// file checks each object of a file by itself, and keeps those that are right for compile.
func (l *linter) file(f File) {
	documents, err := parse(f)
	if err != nil {
		l.findings = append(l.findings, *err)
	}
	for _, d := range documents {
		switch {
		case d.group() == group:
			l.checked++
			l.own(d)
		case d.apiVersion == "v1" && d.kind == "Secret":
			l.secret(d)
		case d.apiVersion == "v1" && d.kind == "Namespace":
			l.objects.namespaces = append(l.objects.namespaces, d)
		}
	}
}

// own checks an object of a kind of ours.
func (l *linter) own(d *document) {
	k, ok := l.kinds[d.apiVersion+" "+d.kind]
	if !ok {
		l.report(d, Error, "kind", "there is no kind %s in %s: the kinds are TravisRoute and TravisDefaults, in %s/v1alpha1", d.kind, d.apiVersion, group)
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
