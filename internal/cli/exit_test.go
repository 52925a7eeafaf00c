package cli

import (
	"context"
	"errors"
	"fmt"
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
