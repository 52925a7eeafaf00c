package receiver_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/travishook/travishook/internal/receiver"
)

func TestCheckRecognizesTheReceiver(t *testing.T) {
	r := newPopulatedFixture(t)
	handler := receiver.NewHandler(r.options)
	for name, server := range map[string]*httptest.Server{
		"http":  httptest.NewServer(handler),
		"https": httptest.NewTLSServer(handler), // its certificate is for another host
	} {
		t.Cleanup(server.Close)
		if err := receiver.Check(t.Context(), server.URL+"/travis"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		err := receiver.Check(t.Context(), server.URL+"/hooks")
		if want := "check " + server.URL + "/hooks: the receiver answers, but has another path: compare it with receiver.pathPrefix of the settings"; err == nil || err.Error() != want {
			t.Errorf("%s, another path: %v", name, err)
		}
	}
	if len(r.store.accepted) != 0 {
		t.Errorf("a check was stored: %v", r.store.accepted)
	}
}

func TestCheckWaitsForTheReceiver(t *testing.T) {
	r := newPopulatedFixture(t)
	starting := errors.New("the routing table is not complete")
	var asked atomic.Int32
	r.options.Ready = func() error {
		if asked.Add(1) == 1 {
			return starting
		}
		return nil
	}
	server := httptest.NewServer(receiver.NewHandler(r.options))
	t.Cleanup(server.Close)
	if err := receiver.Check(t.Context(), server.URL+"/travis"); err != nil {
		t.Error(err)
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestCheckSaysWhatItFoundInstead(t *testing.T) {
	for _, c := range []struct {
		code   int
		text   string
		header http.Header
		want   string
	}{
		{code: http.StatusOK, text: "<html>", want: `this is not travishook's receiver: the answer is 200 OK, "<html>"`},
		{code: http.StatusAccepted, want: `this is not travishook's receiver: the answer is 202 Accepted, ""`},
		{code: http.StatusBadRequest, text: "bad\nrequest", want: `the answer is 400 Bad Request, "bad"`},
		{code: http.StatusNotFound, text: "404 page not found", want: `the answer is 404 Not Found, "404 page not found"`},
		{code: http.StatusMovedPermanently, header: http.Header{"Location": {"/elsewhere"}}, want: "the answer is 301 Moved Permanently"},
		{code: http.StatusForbidden, text: strings.Repeat("x", 1<<20), want: `"` + strings.Repeat("x", 120) + `"`},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range c.header {
				w.Header()[name] = values
			}
			w.WriteHeader(c.code)
			_, _ = w.Write([]byte(c.text))
		}))
		err := receiver.Check(t.Context(), server.URL+"/travis")
		server.Close()
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d %.20q: %v", c.code, c.text, err)
		}
	}
	for _, address := range []string{"travishook", "ftp://a/b", "http://", "http://a b/"} {
		if err := receiver.Check(t.Context(), address); err == nil || !strings.Contains(err.Error(), "is not a webhook URL") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestCheckSaysThatNothingAnswers(t *testing.T) {
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(held) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	want := "no answer in time: the operator may still be starting"
	if err := receiver.Check(ctx, server.URL+"/travis"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %q in it", err, want)
	}
}
