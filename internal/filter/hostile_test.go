package filter

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cel.dev/cel-go/common/types"
)

const (
	// Bytes that compiling, and evaluating on the largest event, may allocate: at least four times what was
	// measured. An unbounded filter doubles it with each of its steps.
	maxCompileBytes  = 32 << 20
	maxEvaluateBytes = 128 << 20
)

// TestHostileFilters generates expressions of every kind that the language has, nested and repeated up to
// the schema's length limit, and measures the bytes and the CEL steps that compiling and evaluating each
// takes.
func TestHostileFilters(t *testing.T) {
	event := largest()
	rapid.Check(t, func(r *rapid.T) {
		expression := hostile(r)
		var f *Filter
		var err error
		if bytes := allocated(func() { f, err = Compile(expression) }); bytes > maxCompileBytes {
			r.Fatalf("compiling allocates %d bytes: %s", bytes, expression)
		}
		if err != nil {
			return
		}
		for id, kind := range f.ast.NativeRep().TypeMap() {
			if d := typeDepth(kind); d > 3 {
				r.Fatalf("part %d has a type of %d levels: %s", id, d, expression)
			}
		}
		x := On(event)
		if bytes := allocated(func() { _, _ = x.Matches(f) }); bytes > maxEvaluateBytes {
			r.Fatalf("evaluating allocates %d bytes: %s", bytes, expression)
		}
		if x.cost > 3*maxCost {
			r.Fatalf("evaluating costs %d: %s", x.cost, expression)
		}
	})
}

// Small patterns can make large tables.
func TestHostileRegexps(t *testing.T) {
	const maxBytes = 16 << 20 // several times what is measured; the race detector and other goroutines add to it
	for _, call := range []string{
		`commit.sha.matches(r"(?i)^\pL{20}$")`, `commit.sha.matches(r"\PC\PC\PC\PC\PC")`, `commit.sha.matches(r"\pL\pN\pS\pP\PZ")`,
		`commit.sha.matches(r"(?i)[Ā-\x{10fff0}]")`, `commit.sha.matches(r"^(?:a|b|c|d){20}$")`, `commit.sha.matches(r"[^a]{30}")`, `commit.sha.matches("a")`,
	} {
		accepted := 0
		for n := 1; n*(len(call)+4) <= 2048; n++ {
			expression := strings.Repeat(call+" || ", n) + "false"
			var err error
			if bytes := allocated(func() { _, err = Compile(expression) }); bytes > maxBytes {
				t.Fatalf("compiling allocates %d bytes: %s", bytes, expression)
			}
			if err == nil {
				accepted = n
			}
		}
		if accepted == 0 {
			t.Errorf("%s is refused", call)
		}
	}
	for _, class := range []string{`\pL`, `\PL\pL`, `[\pC]|`, `Ā-\x{10fff0}`} {
		expression := `commit.sha.matches(r"(?i)[` + strings.Repeat(class, 300) + `]")`
		if bytes := allocated(func() { _, _ = Compile(expression) }); bytes > maxBytes {
			t.Errorf("compiling allocates %d bytes: %s", bytes, expression)
		}
	}
}

func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func typeDepth(t *types.Type) int {
	deepest := 0
	for _, p := range t.Parameters() {
		deepest = max(deepest, typeDepth(p))
	}
	return 1 + deepest
}

// hostile generates an expression of the maximum length: a chain of operations on a list or a string,
// alone or compared, repeated and joined.
func hostile(r *rapid.T) string {
	const limit = 2048
	start := rapid.SampledFrom([]string{
		`[1]`, `[commit.message]`, `jobs`, `[jobs]`, `[build]`, `[]`, `[[1]]`, `{1: 1}`, `commit.message`, `commit.message.split("")`, `jobs.map(j, j.number)`,
	}).Draw(r, "start")
	steps := rapid.SliceOfN(rapid.SampledFrom([]string{
		`.map(a, a)`, `.map(a, [a, a])`, `.map(a, {a: a})`, `.map(a, a + a)`, `.map(a, [a, a][0])`, `.map(a, true ? [a] : [a])`, `.filter(a, a == a)`,
		`.map(a, jobs)`, `.map(a, jobs.map(b, a))`, `.map(a, commit.message.replace("a", a))`, `.map(a, a.split(""))`, `.map(a, [a].exists(b, b == a))`,
		`.split("")`, `.join(commit.message)`, `.replace("", commit.message)`, `.replace("a", "aa")`, `.lowerAscii()`, `.trim()`, `.substring(1)`, `.find("a*")`,
		`[0]`, `.filter(a, jobs.all(b, a != b.number))`, `.map(a, string(a))`, ` + commit.message`, ` + jobs`, `.map(a, size(a))`,
	}), 1, 40).Draw(r, "steps")
	part := start + strings.Join(steps, "")
	ends := rapid.SampledFrom([]string{
		`.size() > 0`, ` == %s`, ` in [%s]`, `.exists(a, a in %s)`, `.all(a, jobs.all(b, a == b.number))`, ` != ""`, `.matches("(a*)*(a|b|c){20}$")`,
		`.exists(a, string(a).matches("[a-z]+x"))`, `.contains(%s)`, `.indexOf(%s) > 0`, `.lastIndexOf("b") > 0`, `.startsWith("a")`, ` == "a"`,
	}).Draw(r, "end")
	if strings.Contains(ends, "%s") {
		ends = fmt.Sprintf(ends, part)
	}
	expression := part + ends
	if n := limit / (len(expression) + 4); n > 1 {
		repeat := rapid.IntRange(1, n).Draw(r, "times")
		expression = strings.Repeat(expression+rapid.SampledFrom([]string{" || ", " && "}).Draw(r, "join"), repeat-1) + expression
	}
	return expression
}

// FuzzFilters compiles and evaluates the fuzzer's expressions.
func FuzzFilters(f *testing.F) {
	for _, seed := range []string{`build.duration > duration("10m")`, `[1].map(a,[a,a]).map(a,[a,a]) == [1]`, `jobs.exists(j, j.state == "failed")`} {
		f.Add(seed)
	}
	event := largest()
	f.Fuzz(func(t *testing.T, expression string) {
		compiled, err := Compile(expression)
		if err != nil {
			return
		}
		x := On(event)
		_, _ = x.Matches(compiled)
		if x.cost > 3*maxCost {
			t.Errorf("costs %d", x.cost)
		}
	})
}
