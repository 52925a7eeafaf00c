package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const head = "apiVersion: settings.travishook.dev/v1alpha1\nkind: Settings\n"

func TestEmptyFileGivesDefaults(t *testing.T) {
	got, err := Parse([]byte(head))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got, cmpopts.EquateComparable()); diff != "" {
		t.Errorf("(-default +got)\n%s", diff)
	}
}

func TestFileOverridesDefaults(t *testing.T) {
	got, err := Parse([]byte(head + `
receiver: {address: "127.0.0.1:0", maxAge: 48h, trustedProxies: [10.0.0.0/8]}
trust: {keys: []}
`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Receiver.Address != "127.0.0.1:0" || got.Receiver.MaxAge != Duration(48*time.Hour) {
		t.Errorf("receiver is %+v", got.Receiver)
	}
	if got.Receiver.PathPrefix != "/travis" {
		t.Errorf("pathPrefix is %q, not the default", got.Receiver.PathPrefix)
	}
	if got.Trust.Keys == nil || len(got.Trust.Keys) != 0 {
		t.Errorf("an empty list of keys became %v", got.Trust.Keys)
	}
}

func TestInvalidFile(t *testing.T) {
	for name, c := range map[string]struct{ file, want string }{
		"empty":                   {"", "want apiVersion"},
		"another version":         {"apiVersion: v1\nkind: Settings\n", "want apiVersion"},
		"not YAML":                {head + "receiver: [", "line"},
		"unknown setting":         {head + "reciever: {}\n", `unknown field "reciever"`},
		"unknown, nested":         {head + "store: {dir: /x}\n", `unknown field "store.dir"`},
		"given twice":             {head + "log: {level: info}\nlog: {level: debug}\n", `"log" already set`},
		"no duration":             {head + "receiver: {maxAge: 24}\n", `receiver.maxAge: 24 is not a duration`},
		"bad duration":            {head + "receiver: {maxAge: a day}\n", `receiver.maxAge: "a day" is not a duration`},
		"days":                    {head + "receiver: {maxAge: 1d}\n", `receiver.maxAge: "1d" is not a duration; use "24h"`},
		"size":                    {head + "store: {maxSize: lots}\n", "store.maxSize: "},
		"short age":               {head + "receiver: {maxAge: 1s}\n", "receiver.maxAge: 1s is under 1m; 0s is no limit"},
		"prefix":                  {head + "receiver: {pathPrefix: travis/}\n", "receiver.pathPrefix"},
		"bad address":             {head + "metrics: {address: 9090}\n", "metrics.address: want string, got number"},
		"one port twice":          {head + "metrics: {address: ':8080'}\n", "metrics.address and receiver.address are both"},
		"proxies":                 {head + "receiver: {trustedProxies: [10.0.0.1]}\n", "receiver.trustedProxies[0]: "},
		"user in public URL":      {head + "receiver: {publicURL: 'https://a:b@example.com/travis'}\n", "Travis sends nothing"},
		"two sources":             {head + "trust: {keys: [{name: a, pem: x, url: 'https://x/config'}]}\n", "exactly one of pem, configMap, secret and url"},
		"no source":               {head + "trust: {keys: [{name: a}]}\n", "exactly one of pem, configMap, secret and url"},
		"half a Secret":           {head + "trust: {keys: [{name: a, secret: {name: x}}]}\n", "trust.keys[0].secret: set both name and key"},
		"not a key":               {head + "trust: {keys: [{name: a, pem: hello}]}\n", "trust.keys[0].pem: it is not PEM"},
		"a key over plain http":   {head + "trust: {keys: [{name: a, url: 'http://travis.example.com/config'}]}\n", "anyone on the path could replace the key"},
		"names twice":             {head + "trust: {keys: [{name: a, url: 'https://x/config'}, {name: a, url: 'https://y/config'}]}\n", "is already the name of another key"},
		"keyless glob":            {head + "trust: {keylessRepositories: ['[']}\n", "it must be owner/name"},
		"small store":             {head + "store: {maxSize: 1Mi}\n", "store.maxSize: 1Mi is under 16Mi"},
		"little memory":           {head + "store: {maxMemory: 1Mi}\n", "store.maxMemory: 1Mi is under 16Mi"},
		"bad size":                {head + "store: {maxSize: huge}\n", "store.maxSize: quantities must match"},
		"relative store":          {head + "store: {directory: data}\n", "is not an absolute path"},
		"level":                   {head + "log: {level: loud}\n", `"loud" is not one of debug, info, error`},
		"half a certificate":      {head + "receiver: {tls: {certFile: /a}}\n", "set both certFile and keyFile"},
		"half of the API's":       {head + "api: {tls: {keyFile: /a}}\n", "api.tls: set both certFile and keyFile"},
		"the API on another port": {head + "api: {address: ':9090'}\n", "api.address and metrics.address are both"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(c.file))
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %q, want it to contain %q", err, c.want)
			}
			if strings.ContainsAny(err.Error(), "\n") {
				t.Errorf("error spans several lines: %q", err)
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.yaml")
	_, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), path) || strings.Count(err.Error(), path) != 1 {
		t.Errorf("error is %v", err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	if err := os.WriteFile(path, []byte(head+"namespaces: [a, b]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, s.Namespaces); diff != "" {
		t.Error(diff)
	}
}
