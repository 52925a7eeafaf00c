package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/api/v1alpha1"
)

func TestParseEvents(t *testing.T) {
	tests := map[string]struct {
		words []string
		want  []v1alpha1.EventName
		says  string
	}{
		"none":                    {nil, nil, ""},
		"some, one of them twice": {[]string{"failure", "fixed", "failure"}, []v1alpha1.EventName{"failure", "fixed"}, ""},
		"all":                     {[]string{"*"}, []v1alpha1.EventName{"*"}, ""},
		"all and one":             {[]string{"*", "fixed"}, nil, "already includes every event"},
		"unknown":                 {[]string{"fixed", "brocken"}, nil, "brocken"},
		"a build type":            {[]string{"push"}, nil, "--build-types push"},
		"another build type":      {[]string{"pull_request"}, nil, "spec.buildTypes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseEvents(test.words, "use --build-types "+strings.Join(test.words, " ")+", which sets spec.buildTypes")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if (err != nil) != (test.says != "") || err != nil && (!strings.Contains(err.Error(), test.says) || exitCode(err) != ExitUsage) {
				t.Errorf("got error %v, want one that says %q", err, test.says)
			}
		})
	}
}

func TestObjectName(t *testing.T) {
	long := strings.Repeat("long", 30)
	names := map[string]bool{}
	for _, words := range [][]string{
		{"example/example", "", "room@conference.example.com"}, {"Example/Example"}, {"#"}, {"ünï/çode"}, {long}, {long + "er"},
	} {
		name := objectName(words...)
		if len(name) > 63 || name == "" || strings.Trim(name, "-") != name || strings.ContainsFunc(name, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
		}) {
			t.Errorf("%q is not a valid object name", name)
		}
		if names[name] {
			t.Errorf("%q is used twice", name)
		}
		names[name] = true
		if again := objectName(words...); again != name {
			t.Errorf("%q first, then %q", name, again)
		}
	}
}

func TestFreeName(t *testing.T) {
	first := freeName(func(string) bool { return false }, "a_b/c")
	second := freeName(func(name string) bool { return name == first }, "a-b/c")
	if first == second || !strings.HasPrefix(second, first) {
		t.Errorf("got %q and %q", first, second)
	}
}

func TestPrintableReplacesControlCharacters(t *testing.T) {
	if got := printable("a\x1b[31mb\nc\u009bd"); strings.ContainsAny(got, "\x1b\n\u009b") {
		t.Errorf("got %q", got)
	}
}
