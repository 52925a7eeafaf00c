package chart_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/notify/registry"
)

// TestTheNotesNameTheKeysOfEverySecret compares the keys that the notes of the chart name for the Secret of an
// account with those that its service reads.
func TestTheNotesNameTheKeysOfEverySecret(t *testing.T) {
	notes, err := os.ReadFile("../../charts/travishook/templates/NOTES.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(notes), "$keys := dict")
	list, _, found := strings.Cut(list, "}}")
	if !found {
		t.Fatal("the notes have no list of keys")
	}
	named := map[string][]string{}
	for _, pair := range regexp.MustCompile(`"([a-z]+)" "([A-Za-z ]+)"`).FindAllStringSubmatch(list, -1) {
		named[pair[1]] = strings.Fields(pair[2])
	}
	for name, service := range registry.Services {
		if len(named[name]) == 0 {
			t.Errorf("the notes name no key for %s", name)
		}
		for _, key := range named[name] {
			if !slices.ContainsFunc(service.Keys, func(k notify.Key) bool { return k.Name == key }) {
				t.Errorf("the notes name the key %s for %s, which has none of that name", key, name)
			}
		}
		for _, key := range service.Keys {
			if key.Required && !slices.Contains(named[name], key.Name) {
				t.Errorf("the notes do not name the key %s, which %s requires", key.Name, name)
			}
		}
	}
}
