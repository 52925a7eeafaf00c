// Package hints warns about specs that are valid but probably unintended. The status of a route and the linter show
// the same warnings.
package hints

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
)

// Route returns the warnings of a route's spec, except those of its filter, each in a sentence that
// begins with the field.
func Route(spec *v1alpha1.TravisRouteSpec) []string {
	var all []string
	if spec.Message != nil {
		all = append(all, Message(spec.Message)...)
	}
	if spec.Branches != nil {
		all = append(all, globs("branches.include", spec.Branches.Include)...)
		all = append(all, globs("branches.exclude", spec.Branches.Exclude)...)
	}
	return all
}

var (
	goAction       = regexp.MustCompile(`\{\{-?\s*[$.a-z(]`)
	travisVariable = regexp.MustCompile(`%\{([a-z_]+)\}`)
	shellVariable  = regexp.MustCompile(`\$\{([A-Za-z_]+)\}|\$(TRAVIS_[A-Z_]+)`)
)

// Message returns the warnings of a template: of variables in another syntax, which come out as they are
// written.
func Message(m *v1alpha1.MessageTemplate) []string {
	var all []string
	isGo := m.Syntax == v1alpha1.SyntaxGo
	if found := goAction.FindString(m.Text); found != "" && !isGo {
		all = append(all, "message: {{…}} is Go syntax and is sent unchanged: set syntax: Go, or write %{variable}")
	}
	if found := travisVariable.FindStringSubmatch(m.Text); found != nil && isGo {
		all = append(all, fmt.Sprintf("message: %s is Travis syntax and is sent unchanged: write {{.%s}}, or remove syntax: Go", found[0], found[1]))
	}
	if found := shellVariable.FindStringSubmatch(m.Text); found != nil {
		wanted := "%{" + strings.ToLower(found[1]) + "}"
		if isGo {
			wanted = "{{." + strings.ToLower(found[1]) + "}}"
		}
		if found[1] == "" {
			wanted = "a variable of the operator"
		}
		all = append(all, fmt.Sprintf("message: %s is sent unchanged: write %s", found[0], wanted))
	}
	return all
}

// globs returns the warnings of branch patterns that no branch matches as they are meant.
func globs(field string, patterns []v1alpha1.Glob) []string {
	var all []string
	for i, p := range patterns {
		if text := glob(string(p)); text != "" {
			all = append(all, fmt.Sprintf("%s[%d]: %s", field, i, text))
		}
	}
	return all
}

// expression finds characters of a regular expression that are unlikely in a branch's name.
var expression = regexp.MustCompile(`^\^|\$$|\.\*|\.\+|\\[.dwsb/-]|\[[^]]*-[^]]*\]|\([^)]*\|[^)]*\)|^/.*/$`)

func glob(p string) string {
	if name, ok := strings.CutPrefix(p, "refs/heads/"); ok {
		return fmt.Sprintf("Travis names branches without refs/heads/: write %s", name)
	}
	if name, ok := strings.CutPrefix(p, "refs/tags/"); ok {
		return fmt.Sprintf("Travis names tags without refs/tags/: write %s", name)
	}
	if name, ok := strings.CutPrefix(p, "origin/"); ok {
		return fmt.Sprintf("Travis names branches without the remote: write %s", name)
	}
	if expression.MatchString(p) {
		return fmt.Sprintf("%q looks like a regular expression, and patterns are globs: * matches any characters except /, ** any, ? one; or use filter: build.branch.matches(…)", p)
	}
	return ""
}
