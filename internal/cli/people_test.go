package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/travishook/travishook/api/v1alpha1"
)

func TestPeople(t *testing.T) {
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(
		&v1alpha1.TravisDefaults{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: v1alpha1.DefaultsName},
			Spec: v1alpha1.TravisDefaultsSpec{
				People: []v1alpha1.Person{
					{Name: "ada", Emails: []v1alpha1.Email{"ada@example.com", "ada@home.example"}, IDs: map[string]v1alpha1.PersonID{"slack": "U012AB3CD", "xmpp": "ada"}},
					{Name: "bob", Emails: []v1alpha1.Email{"bob@example.com"}, IDs: map[string]v1alpha1.PersonID{"slack": "@bob"}},
				},
				PeopleFrom: &v1alpha1.PeopleSource{ConfigMap: "people"},
			},
		},
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "people"},
			Data:       map[string]string{v1alpha1.PeopleKey: "[{name: eve, emails: [eve@example.com], ids: {xmpp: eve}}]"},
		},
	).Build()
	for name, test := range map[string]struct {
		check     bool
		input     string
		args      []string
		out, says string
		fails     bool
	}{
		"list": {false, "", nil, "NAME   IDS                           ADDRESSES\n" +
			"ada    slack: U012AB3CD, xmpp: ada   2\n" +
			"bob    -                             1\n" +
			"eve    xmpp: eve                     1\n", `"@bob" is not a Slack member's ID`, false},
		"check":   {true, "", nil, "3 people in namespace a\n", `"@bob" is not a Slack member's ID`, true},
		"one":     {false, "", []string{"Ada@Home.example"}, "ada@home.example: ada (slack: U012AB3CD, xmpp: ada)\n", "", false},
		"missing": {true, "eve@example.com\nmallory@example.com\nmallory@example.com\n", []string{"-"}, "mallory@example.com: not in people\n", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			e := newEnvironment(genericiooptions.IOStreams{In: strings.NewReader(test.input), Out: &out, ErrOut: &errOut})
			e.operatorNamespace = "travishook-system"
			addresses, err := e.readAddresses(test.args)
			if err != nil {
				t.Fatal(err)
			}
			s, err := e.snapshot(t.Context(), c, "a")
			if err == nil {
				err = s.readPeople(t.Context(), c)
			}
			if err != nil {
				t.Fatal(err)
			}
			err = e.showPeople(s, "a", addresses, test.check)
			if test.fails != errors.Is(err, errReported) || !test.fails && err != nil {
				t.Errorf("returned %v", err)
			}
			if out.String() != test.out || !strings.Contains(errOut.String(), test.says) {
				t.Errorf("printed\n%s\nand\n%s\nwant\n%s", out.String(), errOut.String(), test.out)
			}
		})
	}
	if _, err := newEnvironment(genericiooptions.IOStreams{In: strings.NewReader("x\n")}).readAddresses([]string{"-"}); exitCode(err) != ExitUsage {
		t.Errorf("an address without @: %v", err)
	}
}

func TestMessageFlags(t *testing.T) {
	for name, test := range map[string]struct {
		flags, says string
		want        *v1alpha1.MessageTemplate
	}{
		"none":            {"", "", &v1alpha1.MessageTemplate{Updates: v1alpha1.UpdatesEdit}},
		"some":            {"--mention=author --silent=passed,fixed", "", &v1alpha1.MessageTemplate{Updates: v1alpha1.UpdatesEdit, Mention: v1alpha1.MentionAuthor, Silent: []v1alpha1.EventName{"passed", "fixed"}}},
		"removed":         {"--updates=", "", nil},
		"none is silent":  {"--updates= --silent=none", "", &v1alpha1.MessageTemplate{Silent: []v1alpha1.EventName{}}},
		"as the defaults": {"--updates= --silent=", "", nil},
		"none and more":   {"--silent=none,passed", `"none"`, nil},
		"unknown mention": {"--mention=all", "--mention is None, Author, AuthorAndPullRequests", nil},
		"unknown event":   {"--silent=fixd", "did you mean fixed?", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var m messageFlags
			cmd := newVersion(newEnvironment(genericiooptions.IOStreams{}))
			m.add(cmd)
			if err := cmd.ParseFlags(strings.Fields(test.flags)); err != nil {
				t.Fatal(err)
			}
			err := m.check()
			if (err != nil) != (test.says != "") || err != nil && (!strings.Contains(err.Error(), test.says) || exitCode(err) != ExitUsage) {
				t.Fatalf("got error %v, want one that says %q", err, test.says)
			}
			if err != nil {
				return
			}
			got := m.apply(cmd.Flags(), &v1alpha1.MessageTemplate{Updates: v1alpha1.UpdatesEdit})
			if (got == nil) != (test.want == nil) || got != nil && (got.Updates != test.want.Updates || got.Mention != test.want.Mention ||
				len(got.Silent) != len(test.want.Silent)) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			written, err := json.Marshal(got)
			if has := strings.Contains(string(written), `"silent":`); err != nil || got != nil && has != (test.want.Silent != nil) {
				t.Errorf("written as %s, %v", written, err)
			}
		})
	}
}
