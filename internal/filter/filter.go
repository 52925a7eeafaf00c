// Package filter compiles and evaluates the CEL expressions by which routes choose events.
//
// Expressions are written by tenants, so compiling and evaluating them takes limited time and memory: the
// size of an expression is limited before it is type-checked (bounds.go), and the cost of evaluating it is
// counted and limited (cost.go).
package filter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"

	"github.com/travishook/travishook/internal/travis"
)

const (
	// maxLength of an expression in bytes; the API's schema says 2048 characters.
	maxLength = 4 * 2048
	// namespaceCost limits the cost of all filters of a namespace on one event.
	namespaceCost = 10 * maxCost
	// namespaceTime limits the time of the same. The cost limit is reached earlier, unless the machine is
	// slow or busy.
	namespaceTime = time.Second
	// interruptEvery is how many steps of a macro pass between two checks of the time.
	interruptEvery = 100
)

// Filter is a compiled expression. It may be used by many goroutines at once.
type Filter struct {
	program cel.Program
	ast     *cel.Ast
	costs   costs
}

// Compile parses, bounds and type-checks an expression. The error is one line that says where the
// mistake is and what to write instead.
func Compile(expression string) (*Filter, error) {
	env, err := environment()
	if err != nil {
		return nil, fmt.Errorf("set up CEL: %w", err)
	}
	if len(expression) > maxLength {
		return nil, fmt.Errorf("the filter is %d bytes long; the limit is %d", len(expression), maxLength)
	}
	parsed, issues := env.Parse(expression)
	if len(issues.Errors()) > 0 { // Err repeats the whole source for each error
		return nil, explain(expression, issues)
	}
	b := bounds{lists: map[string]int{}, regexps: map[string]int{}}
	if _, r := b.check(parsed.NativeRep().Expr(), 0, 0); r != nil {
		return nil, refused(parsed, r)
	}
	checked, issues := env.Check(parsed)
	if len(issues.Errors()) > 0 { // Err repeats the whole source for each error
		return nil, explain(expression, issues)
	}
	if r := checkTypes(checked.NativeRep()); r != nil {
		return nil, refused(parsed, r)
	}
	if checked.OutputType() != cel.BoolType {
		return nil, fmt.Errorf("the result is a %s: it must be true or false", typeName(checked.OutputType().String()))
	}
	f := &Filter{ast: checked, costs: costs{b.regexps}}
	if f.program, err = f.plan(env, cel.EvalOptions(cel.OptOptimize)); err != nil {
		return nil, err
	}
	return f, nil
}

// plan returns the program that evaluates the filter within its limits.
func (f *Filter) plan(env *cel.Env, options ...cel.ProgramOption) (cel.Program, error) {
	return env.Program(f.ast, append(options,
		cel.CostTracking(f.costs), cel.CostLimit(maxCost), cel.InterruptCheckFrequency(interruptEvery),
		cel.OptimizeRegex(optimizations(f.costs.regexps)...))...)
}

// Evaluation evaluates the filters of one namespace on one event. They share a limit, so that a
// thousand filters take no longer than a few.
type Evaluation struct {
	event  *travis.Event
	input  map[string]any
	ends   time.Time
	cost   uint64
	limits evaluationLimits
}

type evaluationLimits struct {
	cost uint64
	time time.Duration
}

// On returns an Evaluation of e, which must be used by one goroutine only.
func On(e *travis.Event) *Evaluation {
	return &Evaluation{event: e, limits: evaluationLimits{namespaceCost, namespaceTime}}
}

// errSpent means that other filters of the namespace have used up the limit.
var errSpent = errors.New("the filters of this namespace cost too much together: write simpler ones")

// Matches reports whether f is true of the event. If the filter exceeds the limits or fails, the error
// says why.
func (x *Evaluation) Matches(f *Filter) (bool, error) {
	if x.cost >= x.limits.cost {
		return false, errSpent
	}
	if x.input == nil {
		x.input, x.ends = input(x.event), time.Now().Add(x.limits.time)
	}
	ctx, cancel := context.WithDeadline(context.Background(), x.ends)
	defer cancel()
	out, details, err := f.program.ContextEval(ctx, x.input)
	if details != nil && details.ActualCost() != nil {
		x.cost += *details.ActualCost()
	} else {
		x.cost += maxCost
	}
	if err != nil {
		return false, failure(err)
	}
	pass, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("the result is %v: it must be true or false", out.Type())
	}
	return pass, nil
}
