package filter

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

const (
	// maxInstructions limits the size of a compiled regular expression. A repetition counts as often as
	// it may repeat: .{1000} is a thousand.
	maxInstructions = 500
	// maxAllInstructions limits the sum of a filter's regular expressions, which are kept in memory.
	maxAllInstructions = 1000
	// maxWide limits the classes of Unicode characters in a filter's regular expressions. Each of them
	// makes a table of up to a thousand ranges, or visits every letter that has an upper and a lower case.
	maxWide = 10
	// rangesPerInstruction is how many ends of a class' ranges count as one more instruction.
	rangesPerInstruction = 64
	// instructionBytes is how many pairs of an instruction and a byte of text cost one unit.
	instructionBytes = 16
)

// regexpCall is a function that takes a regular expression as its second argument.
type regexpCall struct {
	name, overload string
	result         *cel.Type
	call           func(*regexp.Regexp, string) ref.Val
}

// The regular expression must be a constant, so that its size is known before it runs.
var regexpCalls = []regexpCall{
	{"matches", "matches_string", cel.BoolType, func(re *regexp.Regexp, s string) ref.Val { return types.Bool(re.MatchString(s)) }},
	{"find", "string_find_string", cel.StringType, func(re *regexp.Regexp, s string) ref.Val { return types.String(re.FindString(s)) }},
}

// regexpFunctions declares regexpCalls. They are bound in optimizations, which knows the expression.
func regexpFunctions() []cel.EnvOption {
	unbound := cel.BinaryBinding(func(_, _ ref.Val) ref.Val {
		return types.NewErrFromString("the regular expression is not a string literal")
	})
	var options []cel.EnvOption
	for _, c := range regexpCalls {
		options = append(options, cel.Function(c.name, cel.MemberOverload(c.overload, []*cel.Type{cel.StringType, cel.StringType}, c.result, unbound)))
	}
	return options
}

func isRegexpCall(function string) bool {
	for _, c := range regexpCalls {
		if c.name == function {
			return true
		}
	}
	return false
}

// optimizations compiles each constant regular expression once, when the filter is compiled.
func optimizations(sizes map[string]int) []*interpreter.RegexOptimization {
	var all []*interpreter.RegexOptimization
	for _, c := range regexpCalls {
		all = append(all, &interpreter.RegexOptimization{
			Function: c.name, OverloadID: c.overload, RegexIndex: 1,
			Factory: func(call interpreter.InterpretableCall, pattern string) (interpreter.InterpretableCall, error) {
				re, err := regexp.Compile(pattern)
				if err != nil {
					return nil, err
				}
				size := sizes[pattern]
				return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), func(args ...ref.Val) ref.Val {
					s := text(args[0])
					if regexpCost(size, len(s)) > maxCost {
						return types.NewErrFromString(fmt.Sprintf("the regular expression is too large for a string of %d bytes", len(s)))
					}
					return c.call(re, s)
				}), nil
			},
		})
	}
	return all
}

func regexpCost(instructions, length int) uint64 {
	return uint64(1 + instructions*length/instructionBytes)
}

// wide matches what may make a large class: \p{…}, and a range that may end beyond ASCII.
var wide = regexp.MustCompile(`\\[pP]|-(?:\\[x0-7]|[^\x00-\x7f])`)

// regexpSize estimates the number of instructions of a compiled regular expression. It does not compile
// it, because that would take the memory that this limit protects.
func regexpSize(pattern string) (int, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	return instructions(re), nil
}

func instructions(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		size = 1 + len(re.Rune)/rangesPerInstruction
	}
	for _, sub := range re.Sub {
		size = min(size+instructions(sub), 1<<20)
	}
	if re.Op == syntax.OpRepeat {
		size = min(size*max(re.Min, re.Max, 1), 1<<20)
	}
	return size
}
