package telegram

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/secret"
)

const reference = "../../../docs/services/telegram.md"

// TestLayout: offsets and lengths are in UTF-16 units, of which the mark has two.
func TestLayout(t *testing.T) {
	got := show(notify.Message{
		Level: notify.Bad, Text: "unused",
		Spans: []notify.Span{{Text: "example/example #1 👩", URL: "https://travis.example/123"}, {Text: ": broken by @all"}},
		Fields: []notify.Field{
			{Name: "Branch", Value: notify.Span{Text: "feature_*x*"}},
			{Name: "Commit", Value: notify.Span{Text: "62aae5f", URL: "https://git.example/a"}},
			{Name: "Tag"},
		},
	})
	want := shown{
		text: "🔴 example/example #\u200b1 👩: broken by @\u200ball\nBranch: feature_*x*\nCommit: 62aae5f",
		entities: []entity{
			{"text_link", 3, 22, "https://travis.example/123"},
			{"text_link", 71, 7, "https://git.example/a"},
		},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(shown{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	long := show(notify.Message{Text: strings.Repeat("👩", 5000)})
	if size := notify.UTF16(long.text); size > maxText || size < maxText-1100 {
		t.Errorf("a long text is cut to %d", size)
	}
}

// answersByChat is a Telegram that gives one answer for each chat, in turn.
type answersByChat struct {
	answers map[string]string
	asked   []string
}

func (c *answersByChat) RoundTrip(r *http.Request) (*http.Response, error) {
	var m request
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return nil, err
	}
	method := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	c.asked = append(c.asked, r.URL.Host+" "+method+" "+string(m.ChatID))
	w := httptest.NewRecorder()
	_, _ = io.WriteString(w, c.answers[string(m.ChatID)])
	return w.Result(), nil
}

// TestAGroupThatBecameASupergroup: its ID changed. The message is sent there at once, and the status says so.
func TestAGroupThatBecameASupergroup(t *testing.T) {
	c := &answersByChat{answers: map[string]string{
		"-42":       `{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1007}}`,
		"-1007":     `{"ok":true,"result":{"message_id":5}}`,
		`"@builds"`: `{"ok":true,"result":{"message_id":6}}`,
	}}
	n, err := Service.New([]byte(`{}`), notify.Credential{"token": secret.New("1:x")}, notify.Deps{HTTP: &http.Client{Transport: c}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		receipt, err := n.Notify(t.Context(), notify.Message{Address: "-42", Text: "x"})
		if err != nil || receipt.Handle != "5" || !strings.Contains(receipt.Note, "change its address to -1007") {
			t.Errorf("%+v, %v", receipt, err)
		}
	}
	if receipt, err := n.Notify(t.Context(), notify.Message{Address: "@builds", Text: "x"}); err != nil || receipt != (notify.Receipt{Handle: "6"}) {
		t.Errorf("%+v, %v", receipt, err)
	}
	const host = "api.telegram.org sendMessage "
	if diff := cmp.Diff([]string{host + "-42", host + "-1007", host + "-1007", host + `"@builds"`}, c.asked); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestAnEditThatChangesNothing is a success: it is a repetition, whose answer was lost.
func TestAnEditThatChangesNothing(t *testing.T) {
	c := &answersByChat{answers: map[string]string{"-42": `{"ok":false,"error_code":400,"description":"Bad Request: message is not modified: x"}`}}
	n, err := Service.New([]byte(`{}`), notify.Credential{"token": secret.New("1:x")}, notify.Deps{HTTP: &http.Client{Transport: c}})
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := n.Notify(t.Context(), notify.Message{Address: "-42", Text: "x", Update: &notify.Update{Handle: "815"}})
	if err != nil || receipt != (notify.Receipt{Handle: "815"}) {
		t.Errorf("%+v, %v", receipt, err)
	}
}

func TestEveryErrorIsDocumented(t *testing.T) {
	page, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range advice {
		if !strings.Contains(strings.ToLower(string(page)), a.part) {
			t.Errorf("%s does not explain %q: %s", reference, a.part, a.says)
		}
	}
}
