package filter

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/travishook/travishook/internal/suggest"
	"github.com/travishook/travishook/internal/travis"
)

// states are what Travis calls the state of a build of each result.
var states = map[travis.Result]string{
	travis.Passed: "passed", travis.Fixed: "passed", travis.Broken: "failed", travis.Failed: "failed",
	travis.StillFailing: "failed", travis.Errored: "errored", travis.Canceled: "canceled",
}

// words are the fields of build that take few values, with these.
var words = map[string][]string{
	"result": names(travis.Results), "reported": names(travis.Results), "computed": names(travis.Results),
	"type":  names(travis.BuildTypes),
	"state": {"created", "received", "started", "passed", "failed", "errored", "canceled"},
}

func names[S ~string](all []S) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = string(s)
	}
	return texts
}

// Warnings reports valid filters that are hardly intended: comparisons with words that Travis never
// sends, and filters that are false for every event of these results and types.
func (f *Filter) Warnings(results []travis.Result, buildTypes []travis.BuildType) []string {
	if all := f.unknownWords(); len(all) > 0 {
		return all
	}
	if f.contradicts() || f.neverTrue(travis.Results, travis.BuildTypes) {
		return []string{"filter: it is never true, so the route announces nothing"}
	}
	if f.neverTrue(results, buildTypes) {
		return []string{"filter: it is never true for the events and buildTypes of this route, so the route announces nothing"}
	}
	return nil
}

// unknownWords finds comparisons of build.result, build.type and build.state with words that Travis does not use.
func (f *Filter) unknownWords() []string {
	var found []string
	ast.PreOrderVisit(f.ast.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		field, values := compared(e)
		for _, value := range values {
			word, ok := literal(value)
			if field == "" || !ok || slices.Contains(words[field], word) {
				continue
			}
			s := fmt.Sprintf("filter: build.%s is never %q; %s", field, word, suggest.Phrase(word, words[field], "%q"))
			if !slices.Contains(found, s) && len(found) < maxMistakes {
				found = append(found, s)
			}
		}
	}))
	return found
}

// compared returns the field that e compares if it takes few values, and what it is compared with.
func compared(e ast.Expr) (field string, values []ast.Expr) {
	if e.Kind() != ast.CallKind || len(e.AsCall().Args()) != 2 {
		return "", nil
	}
	first, second := e.AsCall().Args()[0], e.AsCall().Args()[1]
	switch e.AsCall().FunctionName() {
	case operators.Equals, operators.NotEquals:
		if field = enumerated(first); field != "" {
			return field, []ast.Expr{second}
		}
		return enumerated(second), []ast.Expr{first}
	case operators.In, operators.OldIn:
		if second.Kind() == ast.ListKind {
			return enumerated(first), second.AsList().Elements()
		}
	}
	return "", nil
}

// enumerated is the field of build that e selects if it takes few values, else empty.
func enumerated(e ast.Expr) string {
	path := path(e)
	field, ok := strings.CutPrefix(path, "build.")
	if !ok || words[field] == nil {
		return ""
	}
	return field
}

// path is variable.field if e is that, else empty.
func path(e ast.Expr) string {
	if e.Kind() != ast.SelectKind || e.AsSelect().IsTestOnly() || e.AsSelect().Operand().Kind() != ast.IdentKind {
		return ""
	}
	return e.AsSelect().Operand().AsIdent() + "." + e.AsSelect().FieldName()
}

func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// contradicts reports whether two conditions joined by && want different values of one field.
func (f *Filter) contradicts() bool {
	wanted := map[string]any{}
	var visit func(ast.Expr) bool
	visit = func(e ast.Expr) bool {
		if e.Kind() != ast.CallKind {
			return false
		}
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.LogicalAnd:
			return slices.ContainsFunc(args, visit)
		case operators.Equals:
			for i, arg := range args {
				field, other := path(arg), args[1-i]
				if field == "" || variables[strings.SplitN(field, ".", 2)[0]] == nil || other.Kind() != ast.LiteralKind {
					continue
				}
				value := other.AsLiteral().Value()
				if before, had := wanted[field]; had && before != value {
					return true
				}
				wanted[field] = value
			}
		}
		return false
	}
	return visit(f.ast.NativeRep().Expr())
}

// neverTrue evaluates the filter with what is known of events of each result and type, and reports
// whether it is false of all, whatever their other fields are.
func (f *Filter) neverTrue(results []travis.Result, buildTypes []travis.BuildType) bool {
	env, err := environment()
	if err != nil {
		return false
	}
	program, err := f.plan(env, cel.EvalOptions(cel.OptPartialEval))
	if err != nil {
		return false
	}
	for _, r := range results {
		for _, t := range buildTypes {
			if possible(program, r, t) {
				return false
			}
		}
	}
	return len(results) > 0 && len(buildTypes) > 0
}

func possible(program cel.Program, r travis.Result, t travis.BuildType) bool {
	known := input(&travis.Event{Build: travis.Build{Type: t, Result: r, State: states[r]}})
	unknown := []*cel.AttributePatternType{
		cel.AttributePattern("commit"), cel.AttributePattern("repository"), cel.AttributePattern("jobs"),
	}
	for _, field := range fields("build") {
		if words[field] == nil || field == "state" && states[r] == "" || field == "reported" || field == "computed" {
			unknown = append(unknown, cel.AttributePattern("build").QualString(field))
		}
	}
	if t == travis.PullRequest {
		unknown = append(unknown, cel.AttributePattern("pullRequest"))
	}
	vars, err := cel.PartialVars(known, unknown...)
	if err != nil {
		return true
	}
	out, _, err := program.Eval(vars)
	return err != nil || out != types.False
}
