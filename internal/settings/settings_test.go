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
		"half of another":         {head + "receiver: {tls: {keyFile: /a}}\n", "receiver.tls: set both certFile and keyFile"},
		"receiver's address":      {head + "receiver: {address: localhost}\n", `receiver.address: "localhost" is not host:port`},
		"large port":              {head + "receiver: {address: ':65536'}\n", "receiver.address: "},
		"API's address":           {head + "api: {address: localhost}\n", `api.address: "localhost" is not host:port`},
		"relative prefix":         {head + "receiver: {pathPrefix: travis}\n", "receiver.pathPrefix"},
		"prefix with a slash":     {head + "receiver: {pathPrefix: /travis/}\n", "receiver.pathPrefix"},
		"no prefix":               {head + "receiver: {pathPrefix: /}\n", "receiver.pathPrefix"},
		"public URL of no scheme": {head + "receiver: {publicURL: hooks.example.com}\n", "receiver.publicURL: "},
		"public URL by FTP":       {head + "receiver: {publicURL: 'ftp://example.com/travis'}\n", "receiver.publicURL: "},
		"public URL of no host":   {head + "receiver: {publicURL: 'https:///travis'}\n", "receiver.publicURL: "},
		"long linger":             {head + "receiver: {linger: 11s}\n", "receiver.linger: 11s is over 10s"},
		"longer linger":           {head + "store: {external: {url: 'nats://n'}}\nreceiver: {linger: 61s}\n", "receiver.linger: 1m1s is not between"},
		"namespace":               {head + "namespaces: [a, Team_A]\n", `namespaces[1]: "Team_A" is not a valid namespace name`},
		"no name of a key":        {head + "trust: {keys: [{url: 'https://x/config'}]}\n", "trust.keys[0].name: set a name"},
		"Secret without a name":   {head + "trust: {keys: [{name: a, secret: {key: x}}]}\n", "trust.keys[0].secret: set both name and key"},
		"half a ConfigMap":        {head + "trust: {keys: [{name: a, configMap: {name: x}}]}\n", "trust.keys[0].configMap: set both name and key"},
		"an unknown provider":     {head + "trust: {keys: [{name: a, url: 'https://x/config', provider: sourceforge}]}\n", `"sourceforge" is not one of`},
		"an API over plain http":  {head + "trust: {keys: [{name: a, url: 'https://x/config', api: 'http://x'}]}\n", "anyone on the path could answer"},
		"an API with a password":  {head + "trust: {keys: [{name: a, url: 'https://x/config', api: 'https://a:b@x'}]}\n", "trust.keys[0].api: "},
		"a key of no host":        {head + "trust: {keys: [{name: a, url: 'https:///config'}]}\n", "trust.keys[0].url: "},
		"a key's glob":            {head + "trust: {keys: [{name: a, url: 'https://x/config', repositories: [x]}]}\n", "trust.keys[0].repositories[0]: "},
		"short refresh":           {head + "trust: {keyRefresh: 59s}\n", "trust.keyRefresh: 59s is under 1m"},
		"negative overlap":        {head + "trust: {keyOverlap: -1s}\n", "trust.keyOverlap: -1s is negative"},
		"short memory":            {head + "store: {keepDead: 59m}\n", "store.keepDead: 59m is under 1h"},
		"NATS over http":          {head + "store: {external: {url: 'nats://a:4222,http://b'}}\n", "store.external.url: "},
		"NATS of no host":         {head + "store: {external: {url: 'nats://'}}\n", "store.external.url: "},
		"NATS with a password":    {head + "store: {external: {url: 'nats://a:b@c'}}\n", "use credentialsFile"},
		"half of NATS's":          {head + "store: {external: {url: 'tls://c', tls: {certFile: /a}}}\n", "store.external.tls: set both certFile and keyFile"},
		"two copies":              {head + "store: {external: {url: 'nats://c', replicas: 2}}\n", "store.external.replicas: 2 is not one of 1, 3, 5"},
		"name of the stream":      {head + "store: {external: {url: 'nats://c', name: Hook.A}}\n", "store.external.name: "},
		"negative retries":        {head + "delivery: {retryFor: -1s}\n", "delivery.retryFor: -1s is not between"},
		"long retries":            {head + "delivery: {retryFor: 169h}\n", "delivery.retryFor: 169h is not between"},
		"format":                  {head + "log: {format: xml}\n", `"xml" is not one of json, console`},
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

// TestLimitsAreAccepted: what is at a limit, or beside what TestInvalidFile refuses, is accepted.
func TestLimitsAreAccepted(t *testing.T) {
	for name, file := range map[string]string{
		"linger":                     "receiver: {linger: 10s}\n",
		"linger, external store":     "store: {external: {url: 'nats://a:4222, tls://b'}}\nreceiver: {linger: 1m}\n",
		"any age":                    "receiver: {maxAge: 0s}\n",
		"a short age":                "receiver: {maxAge: 1m}\n",
		"refresh and overlap":        "trust: {keyRefresh: 1m, keyOverlap: 0s}\n",
		"size and memory":            "store: {maxSize: 16Mi, maxMemory: 16Mi, keepDead: 1h}\n",
		"no retries":                 "delivery: {retryFor: 0s}\n",
		"a week of retries":          "delivery: {retryFor: 168h}\n",
		"one copy":                   "store: {external: {url: 'nats://c', replicas: 1, name: hook-a}}\n",
		"three copies":               "store: {external: {url: 'nats://c', replicas: 3}}\n",
		"five copies":                "store: {external: {url: 'nats://c', replicas: 5}}\n",
		"public URL":                 "receiver: {publicURL: 'http://hooks.example.com/travis'}\n",
		"public URL with TLS":        "receiver: {publicURL: 'https://hooks.example.com/travis'}\n",
		"keys in objects":            "trust: {keys: [{name: a, secret: {name: x, key: pem}}, {name: b, configMap: {name: x, key: pem}}]}\n",
		"certificate":                "receiver: {tls: {certFile: /a, keyFile: /b}}\n",
		"any ports":                  "receiver: {address: ':0'}\nmetrics: {address: ':0'}\n",
		"an API at another provider": "trust: {keys: [{name: a, url: 'https://x/config', api: 'https://x', provider: gitlab}]}\n",
		"a key of this machine":      "trust: {keys: [{name: a, url: 'http://127.0.0.1:8080/config'}, {name: b, url: 'http://localhost/config'}]}\n",
	} {
		if _, err := Parse([]byte(head + file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDurationsAreWrittenShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", 10 * time.Minute: "10m", 24 * time.Hour: "24h", 61 * time.Minute: "1h1m", 100 * time.Millisecond: "100ms",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v is written as %q, want %q", d, got, want)
		}
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
	if s, err := Load(""); err != nil || !cmp.Equal(Default(), s, cmpopts.EquateComparable()) {
		t.Errorf("without a file, the settings are %+v, %v", s, err)
	}
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
	if err := os.WriteFile(path, []byte(head+"namespace: a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), `unknown field "namespace"`) {
		t.Errorf("error is %v, want the file and the field", err)
	}
}
