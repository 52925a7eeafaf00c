package dispatch

import (
	"fmt"
	"strings"

	"github.com/travishook/travishook/internal/queue"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/text"
	"github.com/travishook/travishook/internal/travis"
)

// mentionedNobody begins the note that says why.
const mentionedNobody = "mentioned nobody: "

// mention returns the service's id of the person to mention, and a note about whom or why nobody; both are
// empty if the message is not to mention anybody.
func mention(d *queue.Delivery, r Resolved) (id, note string) {
	e := &d.Event
	if r.Mention == "" || r.Mention == routing.MentionNone || !breaks(e.Build.Result) {
		return "", ""
	}
	if e.Build.Type == travis.PullRequest && r.Mention != routing.MentionAuthorAndPullRequests {
		return "", mentionedNobody + "it is a build of a pull request"
	}
	if e.Commit.AuthorHash == "" {
		return "", mentionedNobody + "Travis sent no e-mail address of the commit's author"
	}
	person, ok := r.Person(e.Commit.AuthorHash)
	if !ok {
		return "", fmt.Sprintf("%sthe address of the commit's author, %q, is not in people", mentionedNobody, text.OneLine(e.Commit.Author, maxAuthor))
	}
	id, ok = person.IDs[r.Account.Service]
	switch {
	case !r.Can.Mention:
		return "", fmt.Sprintf("%s%s cannot mention %s", mentionedNobody, r.Account.Service, person.Name)
	case !ok:
		return "", fmt.Sprintf("%speople has no id of %s for %s", mentionedNobody, person.Name, r.Account.Service)
	}
	return id, fmt.Sprintf("mentioned %s (%s)", person.Name, id)
}

// maxAuthor is how many characters of an author's name a note has.
const maxAuthor = 60

// breaks reports whether a build breaks with a result: the group failure of events. The author of a build
// that is still failing need not have broken it.
func breaks(r travis.Result) bool {
	return r == travis.Broken || r == travis.Failed || r == travis.Errored
}

// joinNotes joins notes; any may be empty.
func joinNotes(notes ...string) string {
	var all []string
	for _, n := range notes {
		if n != "" {
			all = append(all, n)
		}
	}
	return strings.Join(all, "; ")
}
