package importer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/travis"
)

var (
	conjunction = regexp.MustCompile(`(?i)\s+and\s+|\s*&&\s*`)
	comparison  = regexp.MustCompile(`(?i)^(branch|type)\s*(?:==?|\bin\b)\s*(.+)$`)
	word        = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)
)

// applyCondition converts a condition of Travis that is a conjunction of comparisons of branch and
// type, such as "branch = main AND type = push". It reports false, and changes nothing, if the
// condition has anything else.
func applyCondition(spec *v1alpha1.TravisRouteSpec, condition string) bool {
	var branches []v1alpha1.Glob
	var types []v1alpha1.BuildType
	for _, term := range conjunction.Split(strings.TrimSpace(condition), -1) {
		parts := comparison.FindStringSubmatch(strings.TrimSpace(term))
		if parts == nil {
			return false
		}
		values, ok := conditionValues(parts[2])
		if !ok {
			return false
		}
		switch isBranch := strings.EqualFold(parts[1], "branch"); {
		case isBranch && branches == nil:
			for _, v := range values {
				branches = append(branches, v1alpha1.Glob(v))
			}
		case !isBranch && types == nil && knownTypes(values):
			for _, v := range values {
				types = append(types, v1alpha1.BuildType(v))
			}
		default:
			return false
		}
	}
	if branches != nil {
		spec.Branches = &v1alpha1.Branches{Include: branches}
	}
	if types != nil {
		spec.BuildTypes = types
	}
	return true
}

// conditionValues parses a word, a quoted word, or a list in parentheses.
func conditionValues(text string) ([]string, bool) {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "("); ok {
		inner, closed := strings.CutSuffix(inner, ")")
		if !closed {
			return nil, false
		}
		text = inner
	} else if strings.Contains(text, ",") {
		return nil, false
	}
	var values []string
	for value := range strings.SplitSeq(text, ",") {
		value = strings.Trim(strings.TrimSpace(value), `'"`)
		if !word.MatchString(value) {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

func knownTypes(values []string) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !slices.Contains(travis.BuildTypes, travis.BuildType(v)) })
}
