package xmpp

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
)

func TestMessage(t *testing.T) {
	const id = "9f86d081884c7d659a2feaa0c55ad015"
	got, err := xml.Marshal(newMessage("builds@rooms.xmpp.test", notify.Message{
		ID:   id,
		Text: "build/1 (https://ci.test/1): <b>\x00\u202e",
		Spans: []notify.Span{
			{Text: "build/1", URL: "https://ci.test/1?a=1&b='"},
			{Text: ": <b>\x00\u202e\n"},
			{Text: "not this", URL: "javascript:alert(1)"},
			{},
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := `<message xmlns="jabber:client" to="builds@rooms.xmpp.test" type="groupchat" id="` + id + `">` +
		`<body>build/1 (https://ci.test/1): &lt;b&gt;` + "\uFFFD" + `</body>` +
		`<html xmlns="http://jabber.org/protocol/xhtml-im"><body xmlns="http://www.w3.org/1999/xhtml"><p>` +
		`<a href="https://ci.test/1?a=1&amp;b=&#39;">build/1</a><span>: &lt;b&gt;` + "\uFFFD" + ` </span><span>not this</span>` +
		`</p></body></html>` +
		`<origin-id xmlns="urn:xmpp:sid:0" id="` + id + `"></origin-id>` +
		`<unstyled xmlns="urn:xmpp:styling:0"></unstyled></message>`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestRichFormOnlyWhereItSaysTheSame(t *testing.T) {
	linked := notify.Span{Text: "build/1", URL: "https://ci.test/1"}
	for name, m := range map[string]notify.Message{
		"nothing to link": {Text: "x", Spans: []notify.Span{{Text: "x"}}},
		"several lines":   {Text: "x\ny", Spans: []notify.Span{linked}},
		"too long":        {Text: "x", Spans: []notify.Span{linked, {Text: strings.Repeat("<", maxHTML/3)}}},
	} {
		if newMessage("builds@rooms.xmpp.test", m).HTML != nil {
			t.Errorf("%s: has a rich form", name)
		}
	}
}

// Some servers accept stanzas of at most 64 KiB, and close the connection on a longer one.
func TestNoMessageIsTooLongForAServer(t *testing.T) {
	long := strings.Repeat("&", 1<<20)
	raw, err := xml.Marshal(newMessage("builds@rooms.xmpp.test", notify.Message{
		Text: long, Spans: []notify.Span{{Text: long, URL: "https://ci.test/1"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) > 60<<10 {
		t.Errorf("%d bytes", len(raw))
	}
}
