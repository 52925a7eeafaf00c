package notifytest

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

var serviceName = regexp.MustCompile(`^[a-z][a-zA-Z]*$`)

// describes checks a service's documentation.
func describes(t *testing.T, s notify.Service) {
	if !serviceName.MatchString(s.Name) {
		t.Errorf("name %q is not a field of TravisDefaults", s.Name)
	}
	if s.Title == "" || s.Summary == "" {
		t.Error("no title or no summary")
	}
	describesForms(t, s)
	for _, k := range s.Keys {
		if k.Name == "" || !isSentence(k.Doc) {
			t.Errorf("key %q is not documented by a sentence: %q", k.Name, k.Doc)
		}
	}
}

func describesForms(t *testing.T, s notify.Service) {
	t.Helper()
	if len(s.Forms) == 0 {
		t.Fatal("the service declares no form")
	}
	for _, f := range s.Forms {
		if f.Proof != notify.Shown && f.Proof != notify.Accepted && f.Proof != notify.Sent {
			t.Errorf("form %q: the answer proves %q", f.Form, f.Proof)
		}
		if (f.Form == "") != (len(s.Forms) == 1) {
			t.Errorf("form %q: of %d forms each has a name, and a single one has none", f.Form, len(s.Forms))
		}
		if f.Longest <= 0 || f.Notifies && !f.Edit {
			t.Errorf("form %q contradicts itself: %+v", f.Form, f)
		}
	}
}

func isSentence(s string) bool { return strings.HasSuffix(s, ".") && len(s) > 10 }

func refusesAccounts(t *testing.T, h Harness) {
	s, good := h.Service(), h.Start(t)
	for _, k := range s.Keys {
		if k.Required {
			t.Run("without "+k.Name, func(t *testing.T) {
				credential := maps.Clone(good.Credential)
				delete(credential, k.Name)
				checkRefusal(t, s.Check(good.Config, credential), k.Name, good.Secrets)
			})
		}
	}
	if !s.SecretOptional {
		t.Run("without a Secret", func(t *testing.T) {
			checkRefusal(t, s.Check(good.Config, nil), "", good.Secrets)
		})
	}
	t.Run("not JSON", func(t *testing.T) {
		checkRefusal(t, s.Check([]byte(`{"`), good.Credential), "", good.Secrets)
	})
	for _, bad := range h.BadAccounts(t) {
		t.Run(bad.Name, func(t *testing.T) {
			err := s.Check(bad.Config, bad.Credential)
			checkRefusal(t, err, bad.Says, good.Secrets)
		})
	}
}

func refusesAddresses(t *testing.T, h Harness) {
	s, good := h.Service(), h.Start(t)
	// No service accepts these.
	bad := append(h.BadAddresses(), "a\nb", "a\x00b", "\xff\xfe", strings.Repeat("a", 10_000))
	for _, address := range bad {
		got, err := s.Address(good.Config, good.Credential, address)
		if err == nil {
			t.Errorf("Address(%.40q) returned %.40q", address, got)
			continue
		}
		checkRefusal(t, err, "", good.Secrets)
	}
}

// checkRefusal checks that a condition can show err.
func checkRefusal(t *testing.T, err error, says string, secrets []string) {
	t.Helper()
	if err == nil {
		t.Error("was not refused")
		return
	}
	text := err.Error()
	if !strings.Contains(text, says) {
		t.Errorf("%q is not in the sentence: %s", says, text)
	}
	if len(text) < 10 || len(text) > 500 || strings.ContainsAny(text, "\n\r\x00") {
		t.Errorf("not a sentence for a condition: %q", text)
	}
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Error("a secret shows in the sentence")
		}
	}
}

// normalizesAddresses checks that Address does not change its own results: they are keys.
func normalizesAddresses(t *testing.T, h Harness) {
	s, good := h.Service(), h.Start(t)
	seen := map[string]string{}
	for _, address := range good.Addresses {
		once, err := s.Address(good.Config, good.Credential, address)
		if err != nil {
			t.Fatalf("Address(%q): %v", address, err)
		}
		twice, err := s.Address(good.Config, good.Credential, once)
		if err != nil || twice != once {
			t.Errorf("Address(%q) is %q, and of that %q (%v)", address, once, twice, err)
		}
		if other, ok := seen[once]; ok {
			t.Errorf("%q and %q are both %q", other, address, once)
		}
		seen[once] = address
	}
}
