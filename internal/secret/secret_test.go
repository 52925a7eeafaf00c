package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/secret"
)

const swordfish = "swordfish"

func TestASecretIsNeverPrinted(t *testing.T) {
	type account struct {
		Name     string
		Password secret.Value
		unseen   secret.Value
	}
	v := secret.New(swordfish)
	of := account{"ci", v, v}
	var shown bytes.Buffer
	for _, value := range []any{v, &v, of, &of, []secret.Value{v}, map[string]secret.Value{"password": v}, fmt.Errorf("login: %v", v)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			_, _ = fmt.Fprintf(&shown, verb+"\n", value)
		}
		for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal, xml.Marshal} {
			text, _ := marshal(value) // XML has no maps
			shown.Write(text)
		}
		slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "value", value)
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "value", value)
		write := func(_, line string) { shown.WriteString(line) }
		funcr.New(write, funcr.Options{}).Info("x", "value", value)
		funcr.NewJSON(func(line string) { write("", line) }, funcr.Options{}).Info("x", "value", value)
	}
	for _, form := range []string{swordfish, fmt.Sprintf("%x", swordfish), fmt.Sprintf("%X", swordfish), fmt.Sprintf("%d", []byte(swordfish))} {
		if strings.Contains(shown.String(), form) {
			t.Errorf("%q is shown:\n%s", form, shown.String())
		}
	}
	if v.Reveal() != swordfish || !strings.Contains(v.String(), "redacted") {
		t.Errorf("revealed is %q, shown %q", v.Reveal(), v.String())
	}
}

func TestEqualComparesTheSecrets(t *testing.T) {
	v := secret.New(swordfish)
	for other, want := range map[string]bool{swordfish: true, "": false, "swordfisH": false, swordfish + "x": false, "Swordfish": false} {
		if v.Equal(secret.New(other)) != want {
			t.Errorf("equal to %q: %t", other, !want)
		}
	}
}

func TestOneNewlineIsNoPartOfASecret(t *testing.T) {
	for written, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", "a\r": "a\r", "\n": "", "": ""} {
		if got := secret.New(written).WithoutNewline().Reveal(); got != want {
			t.Errorf("%q becomes %q, want %q", written, got, want)
		}
	}
}
