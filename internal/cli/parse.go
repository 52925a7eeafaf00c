package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/suggest"
	"github.com/travishook/travishook/internal/travis"
)

// checkRepository rejects what is not owner/name.
func checkRepository(s string) error {
	if !travis.IsSlug(s) {
		if isPattern(s) {
			return usage("%q is a pattern: name one repository", s)
		}
		return usage("%q is not a repository: write owner/name as in its URL at Travis, such as example/example", s)
	}
	return nil
}

var patternPattern = regexp.MustCompile(`^[A-Za-z0-9._~-]+/[A-Za-z0-9._~*?-]+$`)

// checkRepositoryPattern rejects what is neither owner/name nor a pattern such as owner/*.
func checkRepositoryPattern(s string) error {
	if !patternPattern.MatchString(s) {
		return checkRepository(s)
	}
	return nil
}

// checkPublicURL rejects a URL that Travis cannot post to.
func checkPublicURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return usage("--public-url %q is not an HTTP URL: write it with scheme and path, such as https://hooks.example.com/travis", s)
	case strings.Trim(u.Path, "/") == "":
		return usage("--public-url %q has no path: add the receiver's path, as in https://%s/travis", s, u.Host)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return usage("--public-url %q has a user, a query or a fragment: the URL may have none of them", s)
	}
	return nil
}

// allEvents reports whether every word is the name of an event.
func allEvents(words []string) bool {
	names := make([]v1alpha1.EventName, len(words))
	for i, word := range words {
		names[i] = v1alpha1.EventName(word)
	}
	_, err := routing.ParseEvents(names)
	return err == nil
}

var plainWord = regexp.MustCompile(`^[a-z_]{4,}$`)

// misspelledEvent returns the event that a word probably is, or "".
func misspelledEvent(word string) string {
	if !plainWord.MatchString(word) {
		return ""
	}
	if near := suggest.Nearest(word, travis.EventWords); near != "" && near[0] == word[0] {
		return near
	}
	return ""
}

// parseEvents parses event names. Where a word is a build type, the error ends with advice.
func parseEvents(words []string, advice string) ([]v1alpha1.EventName, error) {
	var events []v1alpha1.EventName
	for _, word := range words {
		if slices.Contains(travis.BuildTypes, travis.BuildType(word)) {
			return nil, usage("%s is a build type, not an event: %s", word, advice)
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
		return nil, usage("* already includes every event: omit the others")
	}
	return events, nil
}

// parseBuildTypes parses the value of --build-types.
func parseBuildTypes(words []string) ([]v1alpha1.BuildType, error) {
	var types []v1alpha1.BuildType
	for _, word := range words {
		if !slices.Contains(travis.BuildTypes, travis.BuildType(word)) {
			known := make([]string, len(travis.BuildTypes))
			for i, t := range travis.BuildTypes {
				known[i] = string(t)
			}
			return nil, usage("unknown build type %q%s", word, suggestion(word, known))
		}
		types = append(types, v1alpha1.BuildType(word))
	}
	return types, nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// maxName is the longest object name that is also a valid label value.
const maxName = 63

// objectName derives an object's name from words, such as example-example-builds. Equal words give
// equal names; a hash distinguishes words that are cut or have no usable character.
func objectName(words ...string) string {
	whole := strings.Join(words, " ")
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(whole), "-"), "-")
	if name == "" || len(name) > maxName {
		name = strings.Trim(name[:min(len(name), maxName-9)]+"-"+shortHash(whole), "-")
	}
	return name
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:4])
}

// freeName is objectName, with a hash appended if that name is taken.
func freeName(taken func(string) bool, words ...string) string {
	name := objectName(words...)
	if !taken(name) {
		return name
	}
	return strings.Trim(name[:min(len(name), maxName-9)], "-") + "-" + shortHash(strings.Join(words, " "))
}

func joinEvents(events []v1alpha1.EventName) string {
	words := make([]string, len(events))
	for i, event := range events {
		words[i] = string(event)
	}
	return strings.Join(words, ",")
}
