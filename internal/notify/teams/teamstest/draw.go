package teamstest

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/notify/notifytest"
	"github.com/travishook/travishook/test/picture"
)

// grounds are the colors of a container's styles.
var grounds = map[string]string{"good": "#dff6dd", "attention": "#fde7e9", "emphasis": "#f0f0f0"}

// Draw implements notifytest.Drawer.
func (Harness) Draw(got notifytest.Received) (picture.Post, error) {
	post := picture.Post{From: "Workflows", Tag: "via Power Automate"}
	var m message
	if err := json.Unmarshal(got.Raw, &m); err != nil {
		return post, err
	}
	card := m.Attachments[0].Content
	for _, e := range card.Body {
		if e.Type == "Container" {
			post.Parts = append(post.Parts, picture.Part{Ground: grounds[e.Style], Lines: lines(e.Items)})
			continue
		}
		post.Parts = append(post.Parts, picture.Part{Lines: lines([]element{e})})
	}
	for _, a := range card.Actions {
		button := picture.Part{Ground: "#e8ebfa", Lines: []picture.Line{{picture.Bold(a.Title)}}}
		post.Parts = append(post.Parts, button)
	}
	return post, nil
}

func lines(all []element) []picture.Line {
	var shown []picture.Line
	for _, e := range all {
		var line picture.Line
		for _, r := range e.Inlines {
			run := picture.Run{Words: r.Text, Bold: r.Weight == "Bolder"}
			switch {
			case r.SelectAction != nil:
				run = picture.Link(r.Text)
			case r.IsSubtle:
				run = picture.Subtle(r.Text)
			}
			line = append(line, run)
		}
		if e.Text != "" {
			line = append(line, picture.Subtle(dates(e.Text)))
		}
		shown = append(shown, line)
	}
	return shown
}

var date = regexp.MustCompile(`\{\{(DATE|TIME)\(([^,)]*)[^)]*\)\}\}`)

// dates expands the dates of a text, in the zone UTC.
func dates(text string) string {
	return date.ReplaceAllStringFunc(text, func(token string) string {
		parts := date.FindStringSubmatch(token)
		at, err := time.Parse(time.RFC3339, parts[2])
		if err != nil {
			return token
		}
		return at.Format(strings.NewReplacer("DATE", "02/01/2006", "TIME", "15:04").Replace(parts[1]))
	})
}
