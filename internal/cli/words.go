package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/travis"
)

// checkRepository refuses what is not owner/name.
func checkRepository(s string) error {
	if !travis.IsSlug(s) {
		return usage("%q is not a repository: write owner/name, as in the address of its page on Travis, such as example/example", s)
	}
	return nil
}

// parseEvents reads the events of a command line. Unknown ones are named and refused; what is a
// build type, and no event, is answered with where build types go.
func parseEvents(words []string) ([]v1alpha1.EventName, error) {
	var events []v1alpha1.EventName
	for _, word := range words {
		if slices.Contains(travis.BuildTypes, travis.BuildType(word)) {
			return nil, usage("%s is not an event but what made Travis build: choose it with --build-types %s, that is spec.buildTypes of the route", word, word)
		}
		name := v1alpha1.EventName(word)
		if _, err := routing.ParseEvents([]v1alpha1.EventName{name}); err != nil {
			return nil, usage("%v", err)
		}
		if !slices.Contains(events, name) {
			events = append(events, name)
		}
	}
	if len(events) > 1 && slices.Contains(events, v1alpha1.EventAll) {
		return nil, usage("* is every event already, so it stands alone: leave the others out")
	}
	return events, nil
}

// parseBuildTypes reads the value of --build-types.
func parseBuildTypes(words []string) ([]v1alpha1.BuildType, error) {
	var types []v1alpha1.BuildType
	for _, word := range words {
		if !slices.Contains(travis.BuildTypes, travis.BuildType(word)) {
			return nil, usage("there is no build type %q; the build types are push, pull_request, cron and api", word)
		}
		types = append(types, v1alpha1.BuildType(word))
	}
	return types, nil
}

var notOfName = regexp.MustCompile(`[^a-z0-9]+`)

// maxName is the longest name that also serves as a label's value.
const maxName = 63

// objectName makes a name for an object out of words, such as example-example-builds. The same
// words make the same name, and words that would be cut or come to nothing are told apart by a hash.
func objectName(words ...string) string {
	whole := strings.Join(words, " ")
	name := strings.Trim(notOfName.ReplaceAllString(strings.ToLower(whole), "-"), "-")
	if name == "" || len(name) > maxName {
		name = strings.Trim(name[:min(len(name), maxName-9)]+"-"+digest(whole), "-")
	}
	return name
}

// digest is short and tells apart what objectName maps to the same.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// freeName is objectName, or where somebody has that, one with a hash behind it.
func freeName(taken func(string) bool, words ...string) string {
	name := objectName(words...)
	if !taken(name) {
		return name
	}
	return strings.Trim(name[:min(len(name), maxName-9)], "-") + "-" + digest(strings.Join(words, " "))
}

func joinEvents(events []v1alpha1.EventName) string {
	words := make([]string, len(events))
	for i, event := range events {
		words[i] = string(event)
	}
	return strings.Join(words, ",")
}
