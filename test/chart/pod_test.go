package chart_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/travishook/travishook/internal/settings"
	"github.com/travishook/travishook/test/chart/pod"
)

// objects are the manifests of a kind in a render.
func objects[T any](t *testing.T, render, kind string) []T {
	t.Helper()
	found, err := pod.Objects[T](render, kind)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func template(t *testing.T, render string) corev1.PodTemplateSpec {
	t.Helper()
	template, err := pod.Template(render)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// settingsIn returns the operator's settings in a render.
func settingsIn(t *testing.T, render string) settings.Settings {
	t.Helper()
	s, err := settings.Parse([]byte(objects[corev1.ConfigMap](t, render, "ConfigMap")[0].Data["settings.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The pod must have exactly the files that the settings name, from the Secrets that the values name.
func TestTheFilesOfTheSettingsAreMounted(t *testing.T) {
	h := newHelm(t)
	want := map[string]map[string]string{
		"everything": {
			"outbound.caFile":       "ConfigMap company/ca.crt",
			"receiver.tls.certFile": "Secret relay/tls.crt",
			"receiver.tls.keyFile":  "Secret relay/tls.key",
		},
		"https": {
			"outbound.caFile":       "Secret company/bundle.pem",
			"receiver.tls.certFile": "Secret hooks/tls.crt",
			"receiver.tls.keyFile":  "Secret hooks/tls.key",
		},
		"gateway": {
			"receiver.tls.certFile": "Secret travishook-tls/tls.crt",
			"receiver.tls.keyFile":  "Secret travishook-tls/tls.key",
		},
		"left-out": {"store.external.caFile": "Secret nats-ca/ca.crt"},
		"external": {
			"store.external.credentialsFile": "Secret nats-user/travishook.creds",
			"store.external.caFile":          "Secret nats-certificates/ca.crt",
			"store.external.tls.certFile":    "Secret nats-certificates/client.crt",
			"store.external.tls.keyFile":     "Secret nats-certificates/client.key",
		},
	}
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			out := render(t, h, "--values", "testdata/"+name+".values.yaml")
			mounted := pod.Files(template(t, out).Spec)
			if got := mounted["/etc/travishook/"].String(); !strings.HasPrefix(got, "ConfigMap ") {
				t.Errorf("the folder of the settings is %s", got)
			}
			delete(mounted, "/etc/travishook/")
			delete(mounted, "/etc/company/") // extraVolumeMounts
			got := map[string]string{}
			for setting, path := range fileSettings(t, settingsIn(t, out)) {
				got[setting] = mounted[path].String()
				delete(mounted, path)
			}
			if diff := cmp.Diff(want[name], got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(mounted) > 0 {
				t.Errorf("no setting names %v", slices.Collect(maps.Keys(mounted)))
			}
		})
	}
}

// fileSettings returns the settings that are paths of files, by name.
func fileSettings(t *testing.T, s settings.Settings) map[string]string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	addFiles(files, "", all)
	return files
}

func addFiles(files map[string]string, above string, all map[string]any) {
	for key, value := range all {
		switch v := value.(type) {
		case map[string]any:
			addFiles(files, above+key+".", v)
		case string:
			if strings.HasSuffix(key, "File") && v != "" {
				files[above+key] = v
			}
		}
	}
}

// All references to ports must name existing ports of the pod.
func TestPortsAreThePods(t *testing.T) {
	h := newHelm(t)
	for _, name := range cases(t) {
		t.Run(name, func(t *testing.T) {
			out := render(t, h, "--values", "testdata/"+name+".values.yaml")
			c := template(t, out).Spec.Containers[0]
			has := map[string]bool{}
			for _, p := range c.Ports {
				has[p.Name] = true
			}
			named := []string{c.StartupProbe.HTTPGet.Port.StrVal, c.LivenessProbe.HTTPGet.Port.StrVal, c.ReadinessProbe.HTTPGet.Port.StrVal}
			served := map[string]bool{}
			for _, s := range objects[corev1.Service](t, out, "Service") {
				for _, p := range s.Spec.Ports {
					named = append(named, p.TargetPort.StrVal)
					served[p.Name] = true
				}
			}
			for _, n := range objects[networkingv1.NetworkPolicy](t, out, "NetworkPolicy") {
				for _, rule := range n.Spec.Ingress {
					named = append(named, rule.Ports[0].Port.StrVal)
				}
			}
			for _, port := range named {
				if !has[port] {
					t.Errorf("the pod has no port %q", port)
				}
			}
			for _, i := range objects[networkingv1.Ingress](t, out, "Ingress") {
				if port := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port.Name; !served[port] {
					t.Errorf("the Ingress' Service has no port %q", port)
				}
			}
		})
	}
}

func TestThePortNamesTheProtocol(t *testing.T) {
	h := newHelm(t)
	for set, want := range map[string]string{
		`{}`: "http 80",
		`{"receiver":{"tls":{"secretName":"a"}}}`:                                      "https 443",
		`{"receiver":{"tls":{"secretName":"a"}},"service":{"port":8443}}`:              "https 8443",
		`{"config":{"receiver":{"tls":{"certFile":"/vault/a","keyFile":"/vault/b"}}}}`: "https 443",
	} {
		out := renderWith(t, h, set)
		port := objects[corev1.Service](t, out, "Service")[0].Spec.Ports[0]
		if got := fmt.Sprint(port.Name, " ", port.Port); got != want {
			t.Errorf("%s: %s, want %s", set, got, want)
		}
	}
}
