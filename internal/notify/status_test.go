package notify_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/notifytest"
)

func TestStatusError(t *testing.T) {
	for code, want := range map[int]notifytest.Kind{
		300: notifytest.Permanent, 304: notifytest.Permanent, 400: notifytest.Permanent, 404: notifytest.Permanent,
		405: notifytest.Permanent, 410: notifytest.Permanent, 413: notifytest.Permanent, 422: notifytest.Permanent,
		401: notifytest.BadCredential, 403: notifytest.BadCredential,
		407: notifytest.Retry, 408: notifytest.Retry, 425: notifytest.Retry, 429: notifytest.Retry,
		500: notifytest.Retry, 502: notifytest.Retry, 503: notifytest.Retry, 504: notifytest.Retry, 599: notifytest.Retry,
	} {
		err := notify.StatusError(code, http.Header{}, "")
		if err == nil {
			t.Errorf("%d: no error", code)
		} else if got := notifytest.KindOf(err); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
	for _, code := range []int{200, 201, 202, 204} {
		if err := notify.StatusError(code, http.Header{}, ""); err != nil {
			t.Errorf("%d: %v", code, err)
		}
	}
	if got := notify.StatusError(429, http.Header{}, "slow down").Error(); got != "answered 429 Too Many Requests: slow down" {
		t.Errorf("reads %q", got)
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // with a clock that does not advance
		for header, want := range map[string]time.Duration{
			"0": 0, "7": 7 * time.Second, " 30 ": 30 * time.Second, "3600": time.Hour,
			"3601": time.Hour, "2147483647": time.Hour, "-5": 0,
			time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat): 90 * time.Second,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat):     0,
			time.Now().AddDate(1, 0, 0).UTC().Format(http.TimeFormat):      time.Hour,
		} {
			err := notify.StatusError(503, http.Header{"Retry-After": {header}}, "")
			if got, ok := notify.RetryAfterOf(err); !ok || got != want {
				t.Errorf("Retry-After %q: %v %v, want %v", header, got, ok, want)
			}
		}
	})
	for _, header := range []string{"", "soon", "1.5", "99999999999999999999", "1e3", "Tomorrow, 12:00"} {
		err := notify.StatusError(503, http.Header{"Retry-After": {header}}, "")
		if wait, ok := notify.RetryAfterOf(err); ok {
			t.Errorf("Retry-After %q was read as %v", header, wait)
		}
	}
	if _, ok := notify.RetryAfterOf(notify.StatusError(404, http.Header{"Retry-After": {"7"}}, "")); ok {
		t.Error("a permanent refusal asks for a wait")
	}
}
