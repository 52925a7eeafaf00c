package webhooktest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloudevents/sdk-go/v2/event"

	"github.com/travishook/travishook/internal/notify/notifytest"
)

// data is what the receiver reads from both formats.
type data struct {
	Message    string `json:"message"`
	Supersedes string `json:"supersedes"`
	Text       string `json:"text"`
	Silent     bool   `json:"silent"`
	Mention    string `json:"mention"`
	Build      struct {
		Branch string `json:"branch"`
	} `json:"build"`
	Commit struct {
		Message string `json:"message"`
		Author  string `json:"author"`
	} `json:"commit"`
	PullRequest struct {
		Title string `json:"title"`
	} `json:"pullRequest"`
}

// receive checks the signature and the format, and records the request.
func (h Harness) receive(rec *notifytest.Recorder) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := verify(r.Header, raw); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		id, d, err := h.decode(r.Header.Get("Content-Type"), raw)
		if err != nil || id != r.Header.Get("Webhook-Id") || id != r.Header.Get("Idempotency-Key") {
			http.Error(w, "not an event of that id", http.StatusBadRequest)
			return
		}
		room := strings.TrimPrefix(r.URL.Path, pathSecret+"/")
		got := notifytest.Received{Address: room, ID: id, Text: d.Text, Raw: raw, Edits: edits(d), Silent: d.Silent}
		if d.Mention != "" {
			got.Mentions = []string{d.Mention}
		}
		rec.Add(got)
		w.WriteHeader(http.StatusNoContent)
	}
}

// edits is 1 where the event is a later state of the first event's build. The ids of the contract's messages
// end in their number.
func edits(d data) int {
	if d.Supersedes == "" || d.Supersedes < d.Message {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimLeft(d.Message, "0"))
	return n
}

// verify is the check of a receiver, written from the specification of Standard Webhooks.
func verify(header http.Header, raw []byte) error {
	k, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, k)
	_, _ = fmt.Fprintf(mac, "%s.%s.%s", header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), raw)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for got := range strings.FieldsSeq(header.Get("Webhook-Signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return nil
		}
	}
	return errors.New("wrong signature")
}

func (h Harness) decode(contentType string, raw []byte) (string, data, error) {
	if h.Format == "CloudEvents" {
		return decodeCloudEvent(contentType, raw)
	}
	if contentType != "application/json" {
		return "", data{}, fmt.Errorf("content type %q", contentType)
	}
	var p struct {
		ID string `json:"id"`
		data
	}
	err := json.Unmarshal(raw, &p)
	return p.ID, p.data, err
}

func decodeCloudEvent(contentType string, raw []byte) (string, data, error) {
	if contentType != event.ApplicationCloudEventsJSON {
		return "", data{}, fmt.Errorf("content type %q", contentType)
	}
	var e event.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		return "", data{}, err
	}
	if err := e.Validate(); err != nil {
		return "", data{}, err
	}
	var d data
	err := e.DataAs(&d)
	return e.ID(), d, err
}
