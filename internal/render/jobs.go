package render

import (
	"fmt"
	"strings"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// maxFailedJobs is how many failed jobs a message names.
const maxFailedJobs = 8

// failedJobs returns the failed jobs of a build that failed, those that are allowed to fail last.
func failedJobs(e *travis.Event) []notify.Job {
	if LevelOf(e.Build.Result) != notify.Bad {
		return nil
	}
	var required, allowed []notify.Job
	for i := range e.Jobs {
		j := &e.Jobs[i]
		if j.State != "failed" && j.State != "errored" {
			continue
		}
		failed := notify.Job{Name: jobName(j), URL: jobURL(e, j), Allowed: j.AllowFailure}
		if failed.Allowed {
			allowed = append(allowed, failed)
		} else {
			required = append(required, failed)
		}
	}
	all := append(required, allowed...)
	if rest := len(all) - maxFailedJobs; rest > 0 {
		all = append(all[:maxFailedJobs:maxFailedJobs], notify.Job{Name: fmt.Sprintf("%d more", rest)})
	}
	return all
}

// jobName returns the name of a job in .travis.yml, or else its number.
func jobName(j *travis.Job) string {
	for _, name := range []string{line(j.Name), line(j.Number)} {
		if name != "" {
			return name
		}
	}
	return "a job"
}

// jobURL makes the URL of a job's page from that of its build: Travis does not send it.
func jobURL(e *travis.Event, j *travis.Job) string {
	build := webURL(e.Build.URL)
	base, ok := strings.CutSuffix(build, fmt.Sprintf("/builds/%d", e.Build.ID))
	if !ok || j.ID == 0 {
		return ""
	}
	return fmt.Sprintf("%s/jobs/%d", base, j.ID)
}
