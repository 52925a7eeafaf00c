package routing

import (
	"fmt"
	"slices"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing/glob"
	"github.com/travishook/travishook/internal/travis"
)

// Rule is what of a route said no to an event.
type Rule string

// The rules, in the order in which they are asked.
const (
	wanted         Rule = ""
	RuleAccepted   Rule = "accepted"
	RuleSuspend    Rule = "suspend"
	RuleRepository Rule = "repositoryID"
	RuleEvents     Rule = "events"
	RuleBuildTypes Rule = "buildTypes"
	RuleBranches   Rule = "branches"
	RuleFilter     Rule = "filter"
)

// refusal is the first rule that says no to e, or wanted.
func (r *Route) refusal(e *travis.Event) Rule {
	switch {
	case !r.Accepted:
		return RuleAccepted
	case r.Suspended:
		return RuleSuspend
	case r.spec.RepositoryID != 0 && r.spec.RepositoryID != e.Repository.ID:
		return RuleRepository
	case !r.Events.Has(e.Build.Result):
		return RuleEvents
	case len(r.spec.BuildTypes) > 0 && !slices.Contains(r.spec.BuildTypes, v1alpha1.BuildType(e.Build.Type)):
		return RuleBuildTypes
	case r.spec.Branches != nil && !chosen(r.spec.Branches, e.Build.Branch):
		return RuleBranches
	case r.filter != nil && !r.filter.passes(e):
		return RuleFilter
	}
	return wanted
}

func chosen(b *v1alpha1.Branches, branch string) bool {
	return (len(b.Include) == 0 || ofOne(b.Include, branch)) && !ofOne(b.Exclude, branch)
}

// ofOne reports whether s is of one of the patterns.
func ofOne[G ~string](patterns []G, s string) bool {
	return slices.ContainsFunc(patterns, func(p G) bool { return glob.Match(string(p), s) })
}

// Explanation tells why a route wants an event, or does not.
type Explanation struct {
	Namespace, Route string
	// Rule that said no; empty if the route wants the event.
	Rule Rule
	// Detail is one line with the rule's values and the event's.
	Detail string
}

// Matched reports whether the route wants the event.
func (x *Explanation) Matched() bool { return x.Rule == wanted }

// Explain tells of each declared route whether it wants e, and if not, why.
func (n *Namespace) Explain(e *travis.Event) []Explanation {
	all := make([]Explanation, 0, len(n.Declared))
	for _, r := range n.Declared {
		rule := r.refusal(e)
		all = append(all, Explanation{r.Namespace, r.Name, rule, r.detail(rule, e)})
	}
	return all
}

func (r *Route) detail(rule Rule, e *travis.Event) string {
	switch rule {
	case RuleAccepted:
		return "the route is not accepted: see its status"
	case RuleSuspend:
		return "the route is suspended"
	case RuleRepository:
		return fmt.Sprintf("the route is for repository number %d, and this is %d", r.spec.RepositoryID, e.Repository.ID)
	case RuleEvents:
		return fmt.Sprintf("the event is %s, and the route wants %s", e.Build.Result, r.Events)
	case RuleBuildTypes:
		return fmt.Sprintf("the build is of the type %s, and the route wants %s", e.Build.Type, quoted(r.spec.BuildTypes))
	case RuleBranches:
		return fmt.Sprintf("the branch is %q, and the route includes %s and excludes %s",
			e.Build.Branch, orElse(quoted(r.spec.Branches.Include), "all"), orElse(quoted(r.spec.Branches.Exclude), "none"))
	case RuleFilter:
		return fmt.Sprintf("the filter is false: %s", r.spec.Filter)
	}
	return fmt.Sprintf("it goes to %d rooms", len(r.Targets))
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
