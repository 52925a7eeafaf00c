package cli

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
	"github.com/travishook/travishook/test/suite"
)

var update = flag.Bool("update", false, "write what the commands say into docs/cli.md")

func TestCommandLine(t *testing.T) {
	suite.Run(t, "The command line's page")
}

// patience limits each wait for something that takes a second or two on a quiet machine.
const patience = 90 * time.Second

// s is the cluster of all specs.
var s *site

var _ = BeforeSuite(func(ctx SpecContext) { s = newSite(ctx) })

var _ = Describe("docs/cli.md", Ordered, func() {
	AfterEach(func() {
		if CurrentSpecReport().Failed() {
			AddReportEntry("operator's log", s.operator.Log())
		}
	})

	path := filepath.Join("..", "..", "docs", "cli.md")
	read, err := os.ReadFile(path)
	if err != nil {
		panic(err) // without the page there is nothing to check
	}
	page := string(read)
	steps := parse(page)
	for _, step := range steps {
		if step.directive != nil {
			It(fmt.Sprintf("line %d: %s", step.line, strings.Join(step.directive, " ")), func(ctx SpecContext) { s.do(ctx, step.directive) })
			continue
		}
		It(fmt.Sprintf("line %d: %s", step.line, step.command), func(ctx SpecContext) { s.check(ctx, step) })
	}
	AfterAll(func() {
		if *update {
			Expect(os.WriteFile(path, []byte(write(page, steps)), 0o644)).To(Succeed())
		}
	})
})

// check runs a command and compares its output with the page. The operator works asynchronously, so a
// read-only command is repeated until its output matches.
func (s *site) check(ctx context.Context, step *step) {
	if *update {
		step.output = s.settled(ctx, step)
		return
	}
	if !looks(step.command) {
		Expect(s.run(ctx, step.command)).To(Equal(step.output))
		return
	}
	Eventually(func() string { return s.run(ctx, step.command) }).WithTimeout(patience).WithPolling(200 * time.Millisecond).
		Should(Equal(step.output))
}

// settled repeats a command until its output no longer changes, and returns that.
func (s *site) settled(ctx context.Context, step *step) string {
	output := s.run(ctx, step.command)
	if !looks(step.command) {
		return output
	}
	same := 0
	Eventually(func() int {
		again := s.run(ctx, step.command)
		if same++; again != output {
			output, same = again, 0
		}
		return same
	}).WithTimeout(patience).WithPolling(300 * time.Millisecond).Should(BeNumerically(">", 7))
	return output
}

// looks reports whether a command is read-only, so that it may be repeated.
func looks(command string) bool {
	for _, verb := range []string{"routes", "config", "why", "deliveries", "get"} {
		if strings.HasPrefix(command, "kubectl travis "+verb) || strings.HasPrefix(command, "kubectl "+verb) {
			return true
		}
	}
	return false
}

// run runs a command in a shell, and returns what a terminal would show.
func (s *site) run(ctx context.Context, command string) string {
	GinkgoHelper()
	if s.lastID != "" {
		command = strings.ReplaceAll(command, shownID, s.lastID)
	}
	cmd := exec.CommandContext(ctx, "bash", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	text, id := normal(string(out))
	if id != "" && strings.HasPrefix(command, "kubectl travis deliveries") {
		s.lastID = id
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		text += fmt.Sprintf("(exit code %d)\n", code)
	} else {
		Expect(err).NotTo(HaveOccurred())
	}
	return text
}

// do executes a directive of the page.
func (s *site) do(ctx context.Context, words []string) {
	GinkgoHelper()
	switch words[0] {
	case "post": // post RESULT NUMBER ANSWER
		s.post(ctx, travis.Result(words[1]), words[2], words[3])
	case "refuse": // refuse STATUS, of HTTP; 0 accepts messages again
		status, err := strconv.Atoi(words[1])
		Expect(err).NotTo(HaveOccurred())
		s.channel.Refuse(status)
	case "heard": // heard N, messages in all
		n, err := strconv.Atoi(words[1])
		Expect(err).NotTo(HaveOccurred())
		_, err = s.channel.Wait(ctx, n)
		Expect(err).NotTo(HaveOccurred())
	case "wait": // wait OBJECT CONDITION
		s.kubectl(ctx, "wait", words[1], "--namespace", "team-a", "--for=condition="+words[2], "--timeout="+patience.String())
	case "kubectl":
		s.kubectl(ctx, words[1:]...)
	default:
		Fail("there is no directive " + words[0])
	}
}

// post sends a webhook of example/example as Travis does.
func (s *site) post(ctx context.Context, result travis.Result, number, answer string) {
	GinkgoHelper()
	id, err := strconv.ParseInt(number, 10, 64)
	Expect(err).NotTo(HaveOccurred())
	url := s.operator.URL + "/" + verify.Proof("example/example", secret.New(token))
	request := travistest.Request(ctx, url, travistest.Build{ID: id, Number: number, Result: result}, travistest.Key())
	response, err := http.DefaultClient.Do(request)
	Expect(err).NotTo(HaveOccurred())
	Expect(response.Body.Close()).To(Succeed())
	Expect(strconv.Itoa(response.StatusCode)).To(Equal(answer))
}
