package suggest

import (
	"fmt"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"passed", "failure", "fixed", "still_failing"}
	for name, want := range map[string]string{
		"passd":                      "passed",
		"PASSED":                     "passed",
		"still-failing":              "still_failing",
		"x":                          "",
		"completely different":       "",
		"":                           "",
		strings.Repeat("passed", 99): "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestNearestOfWordsThatAreWrittenOut(t *testing.T) {
	known := []string{"re", "repo", "namespace"}
	for name, want := range map[string]string{"repository": "repo", "name": "namespace", "replicas": ""} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPhrase(t *testing.T) {
	known := []string{"room", "slack"}
	for name, want := range map[string]string{
		"rom":       "did you mean room? There are: room, slack",
		"elsewhere": "there are: room, slack",
	} {
		if got := Phrase(name, known, "%s"); got != want {
			t.Errorf("Phrase(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Phrase("a", nil, "%s"); got != "" {
		t.Errorf("Phrase of nothing known = %q", got)
	}
	var many []string
	for i := range 100 {
		many = append(many, fmt.Sprintf("account-%03d", i))
	}
	if got := Phrase("acount-007", many, "%q"); got != `did you mean "account-007"?` {
		t.Errorf("Phrase of a near one of many = %q", got)
	}
	if got := Phrase("zzz", many, "%q"); !strings.HasSuffix(got, "and 60 more") || strings.Count(got, ",") != 40 {
		t.Errorf("Phrase of many = %q", got)
	}
}
