// Command testsummary summarizes the output of go test -json: a line for each package, the whole output of
// failed tests, skipped tests with the reason, a count, and once more the last lines of each failure. It exits non-zero
// if anything failed, and, with CI=true, if a suite was skipped because its server is not installed.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	s := summary{out: os.Stdout, strict: os.Getenv("CI") == "true"}
	if err := s.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testsummary:", err)
		os.Exit(1)
	}
	if !s.close() {
		os.Exit(1)
	}
}

// event is a line of go test -json. See go doc test2json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
}

type summary struct {
	out io.Writer
	// strict makes a suite without its server a failure.
	strict bool

	passed, failed, broken int
	skipped, absent        []string
	output                 map[string]*strings.Builder // the output of running tests
	ends                   []string                    // of the output of the first tests that failed
}

// The bounds of what is repeated at the end.
const (
	shownFailures = 5
	shownLines    = 12
)

func (s *summary) read(r io.Reader) error {
	s.output = map[string]*strings.Builder{}
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.line(line)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read test events: %w", err)
		}
	}
}

func (s *summary) line(line string) {
	var e event
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &e) != nil {
		fmt.Fprint(s.out, line) // output of go itself, such as a package that does not load
		return
	}
	key := e.Package + " " + e.Test
	switch {
	case e.Action == "build-output":
		fmt.Fprint(s.out, e.Output)
	case e.Action == "output" && suiteNode.MatchString(e.Test):
		// Ginkgo reports no result of it; if it fails, the suite does.
	case e.Action == "output" && e.Test == "":
		s.packageOutput(e)
	case e.Action == "output":
		if s.output[key] == nil {
			s.output[key] = &strings.Builder{}
		}
		s.output[key].WriteString(e.Output)
	case e.Action == "pass" || e.Action == "skip" || e.Action == "fail":
		s.done(e, key)
	}
}

// packageOutput shows a package's closing lines and other output outside of tests, such as a panic, but not
// the shuffle seed of a passing package.
func (s *summary) packageOutput(e event) {
	if e.Output == "PASS\n" || strings.HasPrefix(e.Output, "-test.shuffle ") || strings.HasSuffix(e.Output, "[no test files]\n") {
		return
	}
	fmt.Fprint(s.out, e.Output)
}

func (s *summary) done(e event, key string) {
	text := ""
	if b := s.output[key]; b != nil {
		text = b.String()
		delete(s.output, key)
	}
	switch {
	case e.Test == "" && e.Action == "fail":
		s.broken++
	case e.Test == "":
	case e.Action == "pass":
		s.passed++
		s.skippedSpecs(e, text)
	case e.Action == "fail":
		s.failed++
		fmt.Fprintf(s.out, "%s\n%s", e.Package, text)
		s.keepEnd(e.Package+" "+e.Test, text)
	default:
		s.skip(e, text)
	}
}

// keepEnd keeps the end of a failed test's output. The lines of a test that only its subtests failed say nothing.
func (s *summary) keepEnd(name, text string) {
	lines := slices.DeleteFunc(strings.Split(plain(text), "\n"), func(line string) bool {
		line = strings.TrimSpace(line)
		return line == "" || strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- FAIL: ")
	})
	if len(lines) > 0 && len(s.ends) < shownFailures {
		s.ends = append(s.ends, "FAILED: "+name+"\n"+strings.Join(lines[max(0, len(lines)-shownLines):], "\n"))
	}
}

// suiteNode matches a node of a Ginkgo suite that is no spec, in its own report.
var suiteNode = regexp.MustCompile(`^\[(?:BeforeSuite|AfterSuite|DeferCleanup \(Suite\)|ReportAfterSuite|ReportBeforeSuite)\]`)

var (
	reasonOfSkip = regexp.MustCompile(`(?m)^(?:\s+\S+\.go:\d+:|\[SKIPPED\]) (?:SKIPPED: )?(.*)$`)
	// A Ginkgo suite passes as one test, and prints how many of its specs it skipped.
	specsSkipped = regexp.MustCompile(`(\d+) Skipped\b`)
	// missingServer matches the output of a suite whose server is not installed.
	missingServer = regexp.MustCompile(`SKIPPED: (.* is not installed.*)`)
)

func (s *summary) skippedSpecs(e event, text string) {
	if m := missingServer.FindStringSubmatch(text); m != nil {
		s.absent = append(s.absent, e.Package+" "+e.Test+": "+plain(m[1]))
	} else if m := specsSkipped.FindStringSubmatch(plain(text)); m != nil && m[1] != "0" {
		s.skipped = append(s.skipped, e.Package+" "+e.Test+": "+m[1]+" specs")
	}
}

func (s *summary) skip(e event, text string) {
	if m := missingServer.FindStringSubmatch(text); m != nil {
		s.absent = append(s.absent, e.Package+" "+e.Test+": "+plain(m[1]))
		return
	}
	reason := "no reason given"
	if m := reasonOfSkip.FindStringSubmatch(text); m != nil {
		reason = plain(m[1])
	}
	s.skipped = append(s.skipped, e.Package+" "+e.Test+": "+reason)
}

var color = regexp.MustCompile("\x1b\\[[0-9;]*m")

// plain returns the text without terminal colors.
func plain(text string) string { return strings.TrimSpace(color.ReplaceAllString(text, "")) }

// close prints the summary and reports whether everything passed.
func (s *summary) close() bool {
	for key, b := range s.output { // tests that a panic or a timeout ended
		fmt.Fprintf(s.out, "unfinished: %s\n%s", key, b)
		s.keepEnd(key, b.String())
	}
	for _, text := range s.skipped {
		fmt.Fprintln(s.out, "not run:", text)
	}
	for _, text := range s.absent {
		fmt.Fprintln(s.out, "SKIPPED:", text)
	}
	fmt.Fprintf(s.out, "%d passed, %d failed, %d skipped\n", s.passed, s.failed, len(s.skipped)+len(s.absent))
	if s.strict && len(s.absent) > 0 {
		fmt.Fprintln(s.out, "With CI=true every suite must run; install what the SKIPPED lines name.")
		return false
	}
	for _, end := range s.ends {
		fmt.Fprintln(s.out, end)
	}
	return s.failed == 0 && s.broken == 0 && s.passed > 0
}
