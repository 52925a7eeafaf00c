package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
	"github.com/travishook/travishook/internal/travis/travistest"
	"github.com/travishook/travishook/internal/verify"
)

const (
	slug  = "example/example"
	token = "demo-token-which-is-not-secret" // as in manifests/token.yaml
)

// webhook is one that the demo posts, with the expected answer and message.
type webhook struct {
	title   string
	request func(ctx context.Context, url string) *http.Request
	answer  int
	says    string // what the message in the channel says; empty: nothing is sent
	edits   bool   // it edits the build's message
}

// arrived is the line that shows what the channel got.
func arrived(text string, edits bool) string {
	if edits {
		text = "(edited) " + text
	}
	return "> " + strings.ReplaceAll(text, "\n", "\n     ")
}

// answered is the line that shows an answer.
func (w webhook) answered(status int) string {
	return fmt.Sprintf("%-72s answered %d %s", w.title, status, http.StatusText(status))
}

// webhooks are signed with key; the forged one is changed after it was signed.
func webhooks(d *demo) []webhook {
	now := time.Now().UTC().Truncate(time.Second)
	// run is a state of a run of a build that started some minutes ago.
	run := func(id int64, result travis.Result, minutes time.Duration) travistest.Build {
		started := now.Add(-minutes * time.Minute)
		return travistest.Build{ID: id, Number: fmt.Sprint(id), Result: result, Started: started, Finished: started.Add(time.Minute)}
	}
	signed := func(b travistest.Build) func(context.Context, string) *http.Request {
		return func(ctx context.Context, url string) *http.Request { return travistest.Request(ctx, url, b, d.key) }
	}
	passed, broken := run(1, travis.Passed, 9), run(2, travis.Broken, 6)
	return []webhook{
		{"build 1 has passed", signed(passed), http.StatusAccepted, "build/1: passed", false},
		{"build 2 has started", signed(run(2, travis.Pending, 6)), http.StatusAccepted, "build/2: pending", false},
		{"build 2 is broken", signed(broken), http.StatusAccepted, "build/2: broken", true},
		{"build 2 is restarted", signed(run(2, travis.Pending, 3)), http.StatusAccepted, "build/2: pending", true},
		{"build 2 is fixed", signed(run(2, travis.Fixed, 3)), http.StatusAccepted, "build/2: fixed", true},
		{"a forged one: build 2, changed to passed after it was signed", func(ctx context.Context, url string) *http.Request {
			forged := broken
			forged.Result = travis.Passed
			r := travistest.Request(ctx, url, forged, d.key)
			r.Header.Set("Signature", travistest.Sign(d.key, broken.Payload()))
			return r
		}, http.StatusForbidden, "", false},
		{"a replayed one: build 1 has passed, byte for byte as above", signed(passed), http.StatusNoContent, "", false},
	}
}

// post sends the webhooks one after the other, checks the answers, and waits for what the channel gets of each.
func (d *demo) post(ctx context.Context) error {
	url := d.operator.URL + "/" + verify.Proof(slug, secret.New(token))
	say("to %s/<proof>, where the proof is the SHA-256 of the repository's name and its token", d.operator.URL)
	for _, w := range webhooks(d) {
		status, err := send(w.request(ctx, url))
		if err != nil {
			return fmt.Errorf("%s: %w", w.title, err)
		}
		say("%s", w.answered(status))
		if status != w.answer {
			return fmt.Errorf("%s: want %d %s", w.title, w.answer, http.StatusText(w.answer))
		}
		if w.says == "" {
			continue
		}
		d.expected = append(d.expected, w.says)
		if err := d.await(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

// await waits for the message of a webhook.
func (d *demo) await(ctx context.Context, w webhook) error {
	waiting, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	m, err := d.channel.Wait(waiting, len(d.expected))
	if err != nil {
		d.explain(ctx)
		return fmt.Errorf("%w: %s", err, w.says)
	}
	say("%s", arrived(m.Text, m.Supersedes != ""))
	if !strings.Contains(m.Text, w.says) || (m.Supersedes != "") != w.edits {
		return fmt.Errorf("unexpected message: want %s, as an edit: %v", w.says, w.edits)
	}
	return nil
}

// look shows what somebody sees who looks at the channel now.
func (d *demo) look(context.Context) error {
	texts := d.channel.Shown()
	for _, text := range texts {
		say("%s", arrived(text, false))
	}
	if len(texts) != 2 || !strings.Contains(texts[0], "build/1: passed") || !strings.Contains(texts[1], "build/2: fixed") {
		return errors.New("want one message that says build/1: passed, and one that says build/2: fixed")
	}
	return nil
}

func send(r *http.Request) (int, error) {
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, fmt.Errorf("post webhook: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// explain shows the route's status.
func (d *demo) explain(ctx context.Context) {
	say("The route's status says:")
	_ = d.kubectl(ctx, "get", "travisroute", "example", "--namespace", teamNamespace, "--output", "jsonpath={.status.channels}")
}

// stayUp prints how to look around, and shows further messages until it is interrupted.
func (d *demo) stayUp(ctx context.Context) {
	keyFile := filepath.Join(d.dir, "signing-key.pem")
	der := x509.MarshalPKCS1PrivateKey(d.key)
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(keyFile, text, 0o600); err != nil {
		say("%v", err)
	}
	say("not yet: KEEP is set, so everything keeps running. Look around in another terminal:")
	for _, variable := range d.env {
		say("  export %s", strings.TrimSuffix(variable, os.Getenv("PATH"))+pathOf(variable))
	}
	say("  kubectl get travisroutes -A")
	say("  kubectl travis why example/example -n %s", teamNamespace)
	say("  kubectl travis help")
	say("  go run ./test/demo post %s %s broken    # post another signed webhook: a build is broken", d.operator.URL, keyFile)
	say("Ctrl-C stops everything.")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for n := len(d.expected) + 1; ; n++ {
		m, err := d.channel.Wait(ctx, n)
		if err != nil {
			break
		}
		say("%s", arrived(m.Text, m.Supersedes != ""))
		d.expected = append(d.expected, m.Text)
	}
}

// pathOf ends the variable PATH with the reader's own.
func pathOf(variable string) string {
	if strings.HasPrefix(variable, "PATH=") {
		return "$PATH"
	}
	return ""
}

// postAnother is the command line that stayUp prints.
func postAnother(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: go run ./test/demo post URL KEY-FILE EVENT")
	}
	text, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s is not a key as PEM", args[1])
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("read key %s: %w", args[1], err)
	}
	if results, ok := travis.ExpandEvent(args[2]); !ok || len(results) != 1 {
		return fmt.Errorf("%q is not the name of one event; they are %v", args[2], travis.Results)
	}
	id := time.Now().Unix()
	build := travistest.Build{ID: id, Number: fmt.Sprint(id), Result: travis.Result(args[2])}
	status, err := send(travistest.Request(ctx, args[0]+"/"+verify.Proof(slug, secret.New(token)), build, key))
	if err != nil {
		return err
	}
	fmt.Println(status, http.StatusText(status))
	return nil
}
