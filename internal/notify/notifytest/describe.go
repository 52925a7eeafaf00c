package notifytest

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
)

var serviceName = regexp.MustCompile(`^[a-z][a-zA-Z]*$`)

// describes holds a service to what documents and conditions are made of.
func describes(t *testing.T, s notify.Service) {
	if !serviceName.MatchString(s.Name) {
		t.Errorf("name %q is not a field of TravisDefaults", s.Name)
	}
	if s.Title == "" {
		t.Error("no title")
	}
	for _, k := range s.Keys {
		if k.Name == "" || !isSentence(k.Doc) {
			t.Errorf("key %q is not documented by a sentence: %q", k.Name, k.Doc)
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
	// Whatever a service calls its rooms, none has such a name.
	bad := append(h.BadAddresses(), "a\nb", "a\x00b", "\xff\xfe", strings.Repeat("a", 10_000))
	for _, address := range bad {
		got, err := s.Address(good.Config, good.Credential, address)
		if err == nil {
			t.Errorf("Address(%.40q) took it for the room %.40q", address, got)
			continue
		}
		checkRefusal(t, err, "", good.Secrets)
	}
}

// checkRefusal holds an error to what a condition can show.
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

// oneSpelling checks that Address does not change what it has returned: the address is a key.
func oneSpelling(t *testing.T, h Harness) {
	s, good := h.Service(), h.Start(t)
	seen := map[string]string{}
	for _, room := range good.Rooms {
		once, err := s.Address(good.Config, good.Credential, room)
		if err != nil {
			t.Fatalf("Address(%q): %v", room, err)
		}
		twice, err := s.Address(good.Config, good.Credential, once)
		if err != nil || twice != once {
			t.Errorf("Address(%q) is %q, and of that %q (%v)", room, once, twice, err)
		}
		if other, ok := seen[once]; ok {
			t.Errorf("rooms %q and %q are both %q", other, room, once)
		}
		seen[once] = room
	}
}
