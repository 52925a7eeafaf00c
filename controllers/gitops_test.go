package controllers

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
)

// TestGitOpsToolsReadTheStatus is what Flux and helm --wait (by kstatus) and Argo CD (by the health check on the
// page) make of a route and of defaults.
func TestGitOpsToolsReadTheStatus(t *testing.T) {
	problem := []routing.Problem{{Reason: v1alpha1.ReasonInvalid, Message: "why"}}
	scripts := healthChecks(t)
	for name, c := range map[string]struct {
		// before is the verdict that the status has when the present one comes.
		before, is *routing.Verdict
		seen       int64 // the generation of the verdict; the objects have 2
		flux       status.Status
		argo       string
	}{
		"seen by no operator":     {nil, nil, -1, status.InProgressStatus, "Progressing the operator has not seen this generation yet"},
		"changed since":           {nil, &routing.Verdict{}, 1, status.InProgressStatus, "Progressing the operator has not seen this generation yet"},
		"ready":                   {nil, &routing.Verdict{}, 2, status.CurrentStatus, "Healthy (announces|0 accounts)"},
		"suspended":               {nil, &routing.Verdict{Suspended: true}, 2, status.CurrentStatus, "Healthy (suspended|0 accounts)"},
		"waiting for a Secret":    {nil, &routing.Verdict{Unresolved: problem}, 2, status.InProgressStatus, "Progressing why"},
		"not accepted":            {nil, &routing.Verdict{Invalid: problem}, 2, status.FailedStatus, "Degraded why"},
		"with a template's fault": {nil, &routing.Verdict{Faults: problem}, 2, status.FailedStatus, "Degraded why"},
		"corrected":               {&routing.Verdict{Invalid: problem}, &routing.Verdict{}, 2, status.CurrentStatus, "Healthy"},
	} {
		route, defaults := &v1alpha1.TravisRoute{}, &v1alpha1.TravisDefaults{}
		route.Status.ObservedGeneration, defaults.Status.ObservedGeneration = -1, -1 // the schema's default
		for _, v := range []*routing.Verdict{c.before, c.is} {
			if v == nil {
				continue
			}
			v.Generation = c.seen
			route.Status = routeStatus(route.Status, "a/b", *v, nil)
			defaults.Status = defaultsStatus(defaults.Status, routing.DefaultsVerdict{
				Generation: c.seen, Invalid: v.Invalid, Unresolved: v.Unresolved, Faults: v.Faults,
			}, nil)
		}
		for kind, o := range map[string]client.Object{kindRoute: route, kindDefaults: defaults} {
			o.SetGeneration(2)
			object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
			if err != nil {
				t.Fatal(err)
			}
			object["apiVersion"], object["kind"] = v1alpha1.GroupVersion.String(), kind
			got, err := status.Compute(&unstructured.Unstructured{Object: object})
			if err != nil || got.Status != c.flux {
				t.Errorf("kstatus: a %s that is %s: %v, %v; want %s", kind, name, got, err, c.flux)
			}
			if got := argoHealth(t, scripts[kind], object); !regexp.MustCompile("^" + c.argo).MatchString(got) {
				t.Errorf("Argo CD: a %s that is %s: %s; want %s", kind, name, got, c.argo)
			}
		}
	}
}

// healthChecks returns the health checks for Argo CD on the page, by kind.
func healthChecks(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../docs/operations/gitops.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## Argo CD\n")
	_, block, _ := strings.Cut(section, "```yaml\n")
	block, _, _ = strings.Cut(block, "```")
	var config corev1.ConfigMap
	if err := yaml.UnmarshalStrict([]byte(block), &config); err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{}
	for _, kind := range []string{kindRoute, kindDefaults} {
		key := "resource.customizations.health." + v1alpha1.GroupVersion.Group + "_" + kind
		if scripts[kind] = config.Data[key]; scripts[kind] == "" {
			t.Fatalf("the page has no health check for %s", kind)
		}
	}
	return scripts
}

// argoHealth runs a health check as Argo CD does: with the libraries that it opens, the object as obj, and a
// table with a status and a message as the result.
func argoHealth(t *testing.T, script string, object map[string]any) string {
	t.Helper()
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	l.SetContext(t.Context())
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		if err := l.CallByParam(lua.P{Fn: l.NewFunction(open), Protect: true}, lua.LString(name)); err != nil {
			t.Fatal(err)
		}
	}
	l.SetGlobal("obj", luaValue(l, object))
	if err := l.DoString(script); err != nil {
		t.Fatal(err)
	}
	health, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		t.Fatalf("the health check returns a %s", l.Get(-1).Type())
	}
	return fmt.Sprint(health.RawGetString("status"), " ", health.RawGetString("message"))
}

// luaValue is a value of an object in Lua.
func luaValue(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(luaValue(l, item))
		}
		return table
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, luaValue(l, item))
		}
		return table
	}
	return lua.LNil
}
