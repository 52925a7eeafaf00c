package teams

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// TestLayout compares the whole message.
func TestLayout(t *testing.T) {
	body, err := show(notify.Message{
		Level: notify.Bad, Route: "team-a/example", Text: "build/123: broken",
		Spans: []notify.Span{{Text: "build/123", URL: "https://travis.example/123"}, {Text: ": *broken* {{DATE(x)}}"}},
		Fields: []notify.Field{
			{Name: "Commit", Value: notify.Span{Text: "62aae5f", URL: "http://git.example/a"}},
			{Name: "Tag"},
		},
		Finished: time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC),
		Event:    travis.Event{Build: travis.Build{URL: "https://travis.example/123"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"message","summary":"build/123: broken","attachments":[{
		"contentType":"application/vnd.microsoft.card.adaptive","content":{
		"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.4","msteams":{"width":"Full"},
		"body":[
			{"type":"Container","style":"attention","bleed":true,"items":[{"type":"RichTextBlock","inlines":[
				{"type":"TextRun","text":"build/123","selectAction":{"type":"Action.OpenUrl","url":"https://travis.example/123"}},
				{"type":"TextRun","text":": *broken* {\u200b{\u200bDATE(x)}}"}]}]},
			{"type":"RichTextBlock","spacing":"Small","inlines":[
				{"type":"TextRun","text":"Commit: ","weight":"Bolder"},{"type":"TextRun","text":"62aae5f"}]},
			{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"team-a/example","isSubtle":true}]},
			{"type":"TextBlock","text":"{{DATE(2026-11-03T12:00:00Z, SHORT)}} {{TIME(2026-11-03T12:00:00Z)}}","isSubtle":true,"size":"Small","wrap":true,"spacing":"None"}
		],
		"actions":[{"type":"Action.OpenUrl","title":"Open the build","url":"https://travis.example/123"}]}}]}`
	var got, wanted any
	for text, into := range map[string]*any{string(body): &got, want: &wanted} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTheLargestCard: Teams drops a larger one without a word.
func TestTheLargestCard(t *testing.T) {
	huge := strings.Repeat("👩", 20_000)
	m := notify.Message{Text: huge, Route: huge}
	for range 60 {
		target := "https://travis.example/" + strings.Repeat("a", 500)
		m.Spans = append(m.Spans, notify.Span{Text: strings.Repeat("👩", 40), URL: target})
		m.Fields = append(m.Fields, notify.Field{Name: huge, Value: notify.Span{Text: huge, URL: target}})
	}
	body, err := show(m)
	if err != nil || len(body) > maxCard || len(body) < maxCard/3 {
		t.Errorf("%d bytes, %v; want at most %d", len(body), err, maxCard)
	}
}
