package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestErrorLine(t *testing.T) {
	resource := schema.GroupResource{Group: "travishook.dev", Resource: "travisroutes"}
	tests := map[string]struct {
		err  error
		says string
	}{
		"no CRDs":                  {fmt.Errorf("list: %w", &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "TravisRoute"}}), "install the operator first"},
		"no right":                 {apierrors.NewForbidden(resource, "x", errors.New("ask Ann")), "forbidden: "},
		"not authenticated":        {apierrors.NewUnauthorized("x"), "log in again"},
		"changed at the same time": {apierrors.NewConflict(resource, "x", errors.New("x")), "run the command again"},
		"interrupted":              {fmt.Errorf("list: %w", context.Canceled), "interrupted"},
		"any other error":          {errors.New("one\n  two"), "one two"},
		"already reported":         {errReported, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := errorLine(test.err); !strings.Contains(got, test.says) || strings.Contains(got, "\n") || test.says == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.says)
			}
		})
	}
}

// The API server's answer to a caller who may not list its groups does not reach the error.
func TestTheRightToListTheAPIIsNamed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
	}))
	defer server.Close()
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"impersonation": {[]string{"--as", "bob"}, "you may not use --as bob: ask the cluster's administrator for the verb impersonate"},
		"the caller":    {nil, "the ClusterRole system:discovery"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errOut := execute(t, "", append([]string{"routes", "--server", server.URL}, test.args...)...)
			if code != ExitError || !strings.Contains(errOut, test.says) {
				t.Errorf("exit code %d, says %q", code, errOut)
			}
		})
	}
}
