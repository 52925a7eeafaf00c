package routing

import (
	"fmt"

	"github.com/travishook/travishook/internal/travis"
)

// Explanation says whether a route matches an event, and why not.
type Explanation struct {
	Namespace, Route string
	// Rule is the first one that the event does not match; empty if the route matches.
	Rule Rule
	// Detail is one line with the rule's values and the event's.
	Detail string
}

// Matched reports whether the route matches the event.
func (x *Explanation) Matched() bool { return x.Rule == matched }

// Explain returns for each declared route whether it matches e, and why not.
func (n *Namespace) Explain(e *travis.Event) []Explanation {
	failures := map[*Route]error{}
	x := evaluate(e, func(r *Route, err error) { failures[r] = err })
	all := make([]Explanation, 0, len(n.Declared))
	for _, r := range n.Declared {
		rule := x.mismatch(r)
		detail := r.detail(rule, e) + decidedBy(&e.Build)
		if err := failures[r]; err != nil {
			detail += "; the filter fails on the event and lets it through: " + err.Error()
		}
		all = append(all, Explanation{r.Namespace, r.Name, rule, detail})
	}
	return all
}

// decidedBy says by which build it was decided whether the event is broken, fixed or still_failing.
func decidedBy(b *travis.Build) string {
	t := b.Transition
	if t == nil {
		return ""
	}
	var by string
	switch t.Build {
	case "":
		by = "the build before, which " + t.State
	case b.Number:
		by = "an earlier run of the build, which " + t.State
	default:
		by = fmt.Sprintf("build %s, which %s", t.Build, t.State)
	}
	switch b.Result {
	case t.Reported:
		if t.Computed != t.Reported {
			return fmt.Sprintf("; %s as Travis reported; it would be %s by %s", b.Result, t.Computed, by)
		}
		return fmt.Sprintf("; %s by %s", b.Result, by)
	default:
		return fmt.Sprintf("; %s by %s (Travis reported %s)", b.Result, by, t.Reported)
	}
}

func (r *Route) detail(rule Rule, e *travis.Event) string {
	switch rule {
	case RuleAccepted:
		return "the route is not accepted: see its status"
	case RuleSuspend:
		return "the route is suspended"
	case RuleRepository:
		return fmt.Sprintf("did not match: repository id %d is not %d (spec.repositoryID)", e.Repository.ID, r.spec.RepositoryID)
	case RuleEvents:
		return fmt.Sprintf("did not match: event %s is not in [%s]", e.Build.Result, r.Events)
	case RuleBuildTypes:
		return fmt.Sprintf("did not match: build type %s is not in [%s]", e.Build.Type, quoted(r.spec.BuildTypes))
	case RuleBranches:
		return fmt.Sprintf("did not match: branch %q; branches include [%s] and exclude [%s]",
			e.Build.Branch, orElse(quoted(r.spec.Branches.Include), "all"), quoted(r.spec.Branches.Exclude))
	case RuleFilter:
		return fmt.Sprintf("did not match: the filter is false: %s", r.spec.Filter)
	}
	if len(r.Targets) == 1 {
		return "matched: 1 channel"
	}
	return fmt.Sprintf("matched: %d channels", len(r.Targets))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
