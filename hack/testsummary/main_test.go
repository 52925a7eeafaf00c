package main

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	tests := map[string]struct {
		in     string
		strict bool
		well   bool
		shows  []string
		hides  []string
	}{
		"passing tests are counted, and the package's line is kept": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"ok  \tp\t0.1s\n"}
{"Action":"pass","Package":"p"}`,
			well:  true,
			shows: []string{"ok  \tp\t0.1s\n", "\n1 passed, 0 failed, 0 skipped\n"},
			hides: []string{"noise"},
		},
		"a failing test is shown whole": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: got 1\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`,
			shows: []string{"a_test.go:7: got 1", "0 passed, 1 failed, 0 skipped\n"},
		},
		"a package that does not compile fails": {
			in: `{"Action":"pass","Package":"q","Test":"TestB"}
{"ImportPath":"p","Action":"build-output","Output":"a.go:1: no such thing\n"}
{"Action":"fail","Package":"p"}`,
			shows: []string{"no such thing"},
		},
		"Ginkgo's own report shows specs, and why one was skipped": {
			in: `{"Action":"output","Package":"p","Test":"[BeforeSuite]","Output":"> Enter [BeforeSuite]\n"}
{"Action":"pass","Package":"p","Test":"[It] works"}
{"Action":"output","Package":"p","Test":"[It] waits","Output":"> Enter [It] waits\n[SKIPPED] make test-servers runs it\nIn [It] at: a_test.go:7\n"}
{"Action":"skip","Package":"p","Test":"[It] waits"}
{"Action":"pass","Package":"p"}`,
			strict: true,
			well:   true,
			shows:  []string{"not run: p [It] waits: make test-servers runs it\n", "\n1 passed, 0 failed, 1 skipped\n"},
			hides:  []string{"BeforeSuite"},
		},
		"Ginkgo's own report shows that a server is missing": {
			in: `{"Action":"output","Package":"p","Test":"[It] talks","Output":"[SKIPPED] SKIPPED: prosody is not installed; apt-get install prosody\nIn [It] at: a_test.go:7\n"}
{"Action":"skip","Package":"p","Test":"[It] talks"}
{"Action":"pass","Package":"p","Test":"[It] works"}
{"Action":"pass","Package":"p"}`,
			strict: true,
			shows:  []string{"SKIPPED: p [It] talks: prosody is not installed; apt-get install prosody\n"},
		},
		"a missing server is reported": {
			in: `{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: SKIPPED: nginx is not installed; apt-get install nginx-light\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			well:  true,
			shows: []string{"SKIPPED: p TestA: nginx is not installed; apt-get install nginx-light\n", "1 passed, 0 failed, 1 skipped"},
		},
		"a missing server fails in CI": {
			in: `{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: SKIPPED: nginx is not installed\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			strict: true,
			shows:  []string{"SKIPPED: p TestA"},
		},
		"a suite whose specs were skipped for want of a server fails in CI, though it passes": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"\u001b[0mSKIPPED: prosody is not installed\u001b[0m\n"}
{"Action":"pass","Package":"p","Test":"TestA"}`,
			strict: true,
			shows:  []string{"SKIPPED: p TestA: prosody is not installed\n"},
		},
		"a test that needs more than the machine usually has is reported and does not fail": {
			in: `{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: set CAPTURES\n"}
{"Action":"skip","Package":"p","Test":"TestA"}`,
			strict: true,
			well:   true,
			shows:  []string{"not run: p TestA: set CAPTURES\n"},
		},
		"specs that were skipped are counted": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"1 Passed | 0 Failed | 0 Pending | \u001b[36m2 Skipped\u001b[0m\n"}
{"Action":"pass","Package":"p","Test":"TestA"}`,
			strict: true,
			well:   true,
			shows:  []string{"not run: p TestA: 2 specs\n"},
		},
		"a test that was cut short shows its output": {
			in: `{"Action":"pass","Package":"q","Test":"TestB"}
{"Action":"output","Package":"p","Test":"TestA","Output":"as far as this\n"}
{"Action":"fail","Package":"p"}`,
			shows: []string{"unfinished: p TestA\nas far as this\n"},
		},
		"what failed is repeated at the end, without colors": {
			in: `{"Action":"output","Package":"p","Test":"TestA","Output":"\u001b[31m    a_test.go:7: got 1\u001b[0m\n"}
{"Action":"output","Package":"p","Test":"TestA/b","Output":"        a_test.go:9: got 2\n"}
{"Action":"fail","Package":"p","Test":"TestA/b"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- FAIL: TestA (0.1s)\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"ok  \tq\t0.1s\n"}`,
			shows: []string{"0 passed, 2 failed, 0 skipped\nFAILED: p TestA/b\na_test.go:9: got 2\nFAILED: p TestA\na_test.go:7: got 1\n"},
		},
		"no test at all is a failure": {in: "no Go files\n", shows: []string{"no Go files\n", "0 passed, 0 failed, 0 skipped"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			s := summary{out: &out, strict: test.strict}
			if err := s.read(strings.NewReader(test.in)); err != nil {
				t.Fatal(err)
			}
			if got := s.close(); got != test.well {
				t.Errorf("all is well: got %v, want %v", got, test.well)
			}
			for _, text := range test.shows {
				if !strings.Contains("\n"+out.String(), text) {
					t.Errorf("does not show %q:\n%s", text, &out)
				}
			}
			for _, text := range test.hides {
				if strings.Contains(out.String(), text) {
					t.Errorf("shows %q:\n%s", text, &out)
				}
			}
		})
	}
}
