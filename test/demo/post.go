package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	says    string // what the message in the channel says; empty: there is none
}

// answered is the line that shows an answer.
func (w webhook) answered(status int) string {
	return fmt.Sprintf("%-72s answered %d %s", w.title, status, http.StatusText(status))
}

// webhooks are signed with key; the forged one is changed after it was signed.
func webhooks(d *demo) []webhook {
	now := time.Now().UTC().Truncate(time.Second)
	first := travistest.Build{ID: 1, Number: "1", Started: now.Add(-time.Minute), Finished: now}
	pending, passed, broken := first, first, travistest.Build{ID: 2, Number: "2", Result: travis.Broken, Finished: now}
	pending.Result = travis.Pending
	passed.Result = travis.Passed
	signed := func(b travistest.Build) func(context.Context, string) *http.Request {
		return func(ctx context.Context, url string) *http.Request { return travistest.Request(ctx, url, b, d.key) }
	}
	return []webhook{
		{"build 1 has started", signed(pending), http.StatusAccepted, "build/1: pending"},
		{"build 1 has passed", signed(passed), http.StatusAccepted, "build/1: passed"},
		{"build 2 is broken", signed(broken), http.StatusAccepted, "build/2: broken"},
		{"a forged one: build 2, changed to passed after it was signed", func(ctx context.Context, url string) *http.Request {
			forged := broken
			forged.Result = travis.Passed
			r := travistest.Request(ctx, url, forged, d.key)
			r.Header.Set("Signature", travistest.Sign(d.key, broken.Payload()))
			return r
		}, http.StatusForbidden, ""},
		{"a replayed one: build 1 has passed, byte for byte as above", signed(passed), http.StatusNoContent, ""},
	}
}

// post sends all webhooks and checks the answers.
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
		if w.says != "" {
			d.expected = append(d.expected, w.says)
		}
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

// listen waits for every expected message. Builds may overtake each other.
func (d *demo) listen(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	missing := slices.Clone(d.expected)
	for n := 1; len(missing) > 0; n++ {
		m, err := d.channel.Wait(ctx, n)
		if err != nil {
			d.explain(context.WithoutCancel(ctx))
			return fmt.Errorf("%w: %s", err, strings.Join(missing, ", "))
		}
		say("> %s", m.Text)
		i := slices.IndexFunc(missing, func(says string) bool { return strings.Contains(m.Text, says) })
		if i < 0 {
			return fmt.Errorf("unexpected message: %s", m.Text)
		}
		missing = slices.Delete(missing, i, i+1)
	}
	return nil
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
	say("  go run ./test/demo post %s %s fixed     # post another signed webhook, with any event", d.operator.URL, keyFile)
	say("Ctrl-C stops everything.")
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for n := len(d.expected) + 1; ; n++ {
		m, err := d.channel.Wait(ctx, n)
		if err != nil {
			break
		}
		say("> %s", m.Text)
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
	if results, ok := travis.Expand(args[2]); !ok || len(results) != 1 {
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
