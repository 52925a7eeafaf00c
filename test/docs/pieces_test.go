package docs

import (
	"fmt"
	"reflect"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/internal/settings"
)

// The operator accepts the pieces of settings files on all pages.
func TestPiecesOfSettingsAreValid(t *testing.T) {
	found := 0
	for _, p := range pages(t) {
		for _, b := range p.Blocks() {
			var piece map[string]any
			if b.Lang != "yaml" || b.Name() != "" || yaml.Unmarshal([]byte(b.Text), &piece) != nil {
				continue
			}
			text := b.Text
			if isPieceOfSettings(piece) {
				text = fmt.Sprintf("apiVersion: %s\nkind: %s\n%s", settings.APIVersion, settings.Kind, text)
			} else if piece["apiVersion"] != settings.APIVersion {
				continue
			}
			found++
			if _, err := settings.Parse([]byte(text)); err != nil {
				t.Errorf("%s: %v", b, err)
			}
		}
	}
	if found == 0 {
		t.Error("no page shows settings")
	}
}

// isPieceOfSettings reports whether every key is one of a settings file.
func isPieceOfSettings(piece map[string]any) bool {
	keys := map[string]bool{}
	for i := range reflect.TypeFor[settings.Settings]().NumField() {
		keys[reflect.TypeFor[settings.Settings]().Field(i).Tag.Get("json")] = true
	}
	for key := range piece {
		if !keys[key] || key == "apiVersion" {
			return false
		}
	}
	return len(piece) > 0
}
