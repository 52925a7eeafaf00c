package filter

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/travishook/travishook/internal/suggest"
)

// The limits of an expression. CEL's type checker doubles its work with each level of nested lists, and
// does not count the cost of == on such lists: neither an estimate nor a limit of the cost helps, so both
// are refused here.
const (
	maxNodes  = 1000 // parts of the parsed expression, macros expanded
	maxDepth  = 100  // parts within parts
	maxMacros = 10   // all, exists, exists_one, filter and map
	maxNested = 2    // of them within another
)

// functions are those that a filter may call.
var functions = map[string]bool{
	operators.LogicalAnd: true, operators.LogicalOr: true, operators.LogicalNot: true, operators.Conditional: true,
	operators.Equals: true, operators.NotEquals: true, operators.In: true, operators.OldIn: true,
	operators.Less: true, operators.LessEquals: true, operators.Greater: true, operators.GreaterEquals: true,
	operators.Add: true, operators.Subtract: true, operators.Multiply: true, operators.Divide: true, operators.Modulo: true,
	operators.Negate: true, operators.Index: true, operators.NotStrictlyFalse: true,

	"size": true, "contains": true, "startsWith": true, "endsWith": true, "matches": true, "find": true,
	"lowerAscii": true, "upperAscii": true, "trim": true, "charAt": true, "indexOf": true, "lastIndexOf": true,
	"substring": true, "replace": true, "split": true, "join": true,
	"duration": true, "timestamp": true, "int": true, "double": true, "string": true, "bool": true,

	"getFullYear": true, "getMonth": true, "getDate": true, "getDayOfMonth": true, "getDayOfWeek": true, "getDayOfYear": true,
	"getHours": true, "getMinutes": true, "getSeconds": true, "getMilliseconds": true,
}

// bounds walks an expression between parsing and type-checking, and refuses parts whose cost is unbounded.
type bounds struct {
	nodes, macros int
	lists         map[string]int // how deep a macro's variable is a list
	regexps       map[string]int // instructions by regular expression
	instructions  int            // of all regular expressions
	wide          int            // classes of Unicode characters in them
}

// refusal is the reason why a part of the expression is refused.
type refusal struct {
	id   int64
	text string
}

func refuse(e ast.Expr, text string) *refusal { return &refusal{e.ID(), text} }

// check returns the list depth of e: 0 for no list, 1 for a list of scalars.
func (b *bounds) check(e ast.Expr, depth, nested int) (lists int, r *refusal) {
	if b.nodes++; b.nodes > maxNodes {
		return 0, refuse(e, "the filter is too long: split the route into several, or use branches, buildTypes and events")
	}
	if depth > maxDepth {
		return 0, refuse(e, "the filter is nested too deeply: use fewer parentheses and nested calls")
	}
	switch e.Kind() {
	case ast.IdentKind:
		return b.ident(e.AsIdent()), nil
	case ast.SelectKind:
		_, r := b.check(e.AsSelect().Operand(), depth+1, nested)
		return 0, r
	case ast.ListKind:
		return b.list(e, depth, nested)
	case ast.CallKind:
		return b.call(e, depth, nested)
	case ast.ComprehensionKind:
		return b.comprehension(e, depth, nested)
	case ast.MapKind:
		return 0, refuse(e, "maps are not allowed in a filter: use in with a list, or join conditions with ||")
	case ast.StructKind:
		return 0, refuse(e, "objects are not allowed in a filter: compare their fields one by one")
	}
	return 0, nil
}

func (b *bounds) ident(name string) int {
	if n, ok := b.lists[name]; ok {
		return n
	}
	if name == "jobs" {
		return 1
	}
	return 0
}

func (b *bounds) list(e ast.Expr, depth, nested int) (int, *refusal) {
	for _, element := range e.AsList().Elements() {
		n, r := b.check(element, depth+1, nested)
		if r != nil {
			return 0, r
		}
		if n > 0 {
			return 0, refuse(element, "nested lists are not allowed in a filter: use lists of plain values, such as [1, 2]")
		}
	}
	return 1, nil
}

func (b *bounds) call(e ast.Expr, depth, nested int) (int, *refusal) {
	call := e.AsCall()
	if !functions[call.FunctionName()] {
		return 0, refuse(e, unknownFunction(call.FunctionName()))
	}
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	lists := make([]int, len(args))
	for i, arg := range args {
		var r *refusal
		if lists[i], r = b.check(arg, depth+1, nested); r != nil {
			return 0, r
		}
	}
	if isRegexpCall(call.FunctionName()) && len(args) == 2 {
		return 0, b.regexp(args[1])
	}
	return result(e, call.FunctionName(), lists)
}

// result returns the list depth of a call's result, from the list depths of its arguments.
func result(e ast.Expr, function string, lists []int) (int, *refusal) {
	switch function {
	case operators.Conditional:
		return max(lists[1], lists[2]), nil
	case operators.Index:
		if lists[0] == 0 {
			return 0, refuse(e, "[] selects an element of a list, such as jobs[0]")
		}
		return lists[0] - 1, nil
	case "split":
		return 1, nil
	case operators.Add:
		if lists[0]+lists[1] > 0 {
			return 0, refuse(e, "+ cannot join lists in a filter: join two conditions with ||")
		}
	case operators.Equals, operators.NotEquals:
		if lists[0]+lists[1] > 0 {
			return 0, refuse(e, comparesLists)
		}
	}
	return 0, nil
}

const comparesLists = "== and != cannot compare lists or objects: use all() or exists(), or compare their fields"

func (b *bounds) regexp(arg ast.Expr) *refusal {
	if arg.Kind() != ast.LiteralKind {
		return refuse(arg, "a regular expression must be a string literal: use contains, startsWith or == for a value of the build")
	}
	pattern, ok := arg.AsLiteral().(types.String)
	if !ok {
		return nil // the type checker says so
	}
	if b.wide += len(wide.FindAllString(string(pattern), -1)); b.wide > maxWide { // before it is parsed
		return refuse(arg, fmt.Sprintf("too many classes of Unicode characters: a filter may have %d of \\p{…} and of ranges beyond ASCII", maxWide))
	}
	size, err := regexpSize(string(pattern))
	if err != nil {
		return refuse(arg, "the regular expression is invalid: "+err.Error())
	}
	if size > maxInstructions {
		return refuse(arg, "the regular expression is too large: repeat less in {}, or use contains")
	}
	if b.instructions += size; b.instructions > maxAllInstructions {
		return refuse(arg, "the regular expressions are too large together: use fewer of them, or contains, startsWith and in")
	}
	b.regexps[string(pattern)] = size
	return nil
}

// comprehension checks an expanded macro: its range and the author's expressions. The parser made the
// rest.
func (b *bounds) comprehension(e ast.Expr, depth, nested int) (int, *refusal) {
	c := e.AsComprehension()
	if b.macros++; b.macros > maxMacros {
		return 0, refuse(e, "too many macros (all, exists, filter, map): join their conditions within one")
	}
	if nested++; nested > maxNested {
		return 0, refuse(e, "macros (all, exists, filter, map) are nested too deeply: at most two within each other")
	}
	elements, r := b.check(c.IterRange(), depth+1, nested-1)
	if r != nil {
		return 0, r
	}
	if elements == 0 {
		return 0, refuse(e, "all, exists, filter and map need a list, such as jobs.exists(j, j.state == \"failed\")")
	}
	defer b.scope(c.IterVar(), elements-1)()
	defer b.scope(c.AccuVar(), 0)()
	step := c.LoopStep()
	if c.AccuInit().Kind() != ast.ListKind {
		_, r = b.check(step, depth+1, nested)
		if r == nil {
			_, r = b.check(c.LoopCondition(), depth+1, nested)
		}
		return 0, r
	}
	return 1, b.collected(step, depth+1, nested)
}

// collected checks the step of filter and map: accumulator + [element], perhaps under a condition.
func (b *bounds) collected(step ast.Expr, depth, nested int) *refusal {
	if step.Kind() != ast.CallKind {
		return nil
	}
	switch call := step.AsCall(); {
	case call.FunctionName() == operators.Conditional && len(call.Args()) == 3:
		if _, r := b.check(call.Args()[0], depth+1, nested); r != nil {
			return r
		}
		return b.collected(call.Args()[1], depth+1, nested)
	case call.FunctionName() == operators.Add && len(call.Args()) == 2:
		_, r := b.check(call.Args()[1], depth+1, nested)
		return r
	}
	return nil
}

// scope declares a macro's variable, and returns a function that removes it.
func (b *bounds) scope(name string, lists int) func() {
	before, had := b.lists[name]
	b.lists[name] = lists
	return func() {
		if had {
			b.lists[name] = before
		} else {
			delete(b.lists, name)
		}
	}
}

// checkTypes refuses comparisons of values other than numbers, strings, times and booleans.
func checkTypes(checked *ast.AST) (r *refusal) {
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if r != nil || e.Kind() != ast.CallKind {
			return
		}
		call := e.AsCall()
		switch call.FunctionName() {
		case operators.Equals, operators.NotEquals:
			for _, arg := range call.Args() {
				if !plain(checked.GetType(arg.ID())) {
					r = refuse(e, comparesLists)
				}
			}
		case operators.In, operators.OldIn:
			list := checked.GetType(call.Args()[1].ID())
			if !plain(checked.GetType(call.Args()[0].ID())) || list.Kind() != types.ListKind || !plain(list.Parameters()[0]) {
				r = refuse(e, "in needs a plain value and a list of plain values of the same type, such as build.branch in [\"main\", \"dev\"]")
			}
		}
	}))
	return r
}

// plain reports whether comparing values of the type takes time proportional to their length.
func plain(t *types.Type) bool {
	switch t.Kind() {
	case types.BoolKind, types.IntKind, types.DoubleKind, types.StringKind, types.TimestampKind, types.DurationKind, types.NullTypeKind,
		types.TypeParamKind: // of an empty list
		return true
	}
	return false
}

// macros are called with a variable and a condition; another number of arguments makes them functions.
var macros = map[string]bool{"all": true, "exists": true, "exists_one": true, "filter": true, "map": true}

func unknownFunction(name string) string {
	switch {
	case macros[name]:
		return name + " needs a list before it, and a variable and a condition within it, such as jobs." + name + "(j, j.state == \"failed\")"
	case name == "has":
		return "has needs one field, such as has(build.tag)"
	}
	var known []string
	for f := range functions {
		if isName(f) {
			known = append(known, f)
		}
	}
	known = append(known, "all", "exists", "exists_one", "filter", "map", "has")
	return "there is no function " + name + "; " + suggest.Sorted(name, known, "%s")
}

func isName(s string) bool { return s != "" && ('a' <= s[0] && s[0] <= 'z') }
