package routing

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
	"github.com/travishook/travishook/internal/travis"
)

// peopleTestCompiler has a service whose ids are in upper case.
func peopleTestCompiler() *Compiler {
	config := testConfig()
	xmpp := config.Services["xmpp"]
	xmpp.Forms = []notify.Capabilities{{}}
	xmpp.Person = func(id string) (string, error) {
		if id != strings.ToUpper(id) {
			return "", errors.New("an id is in upper case")
		}
		return "<" + id + ">", nil
	}
	config.Services["xmpp"] = xmpp
	return NewCompiler(config)
}

func person(name, id string, emails ...v1alpha1.Email) v1alpha1.Person {
	return v1alpha1.Person{Name: name, Emails: emails, IDs: map[string]v1alpha1.PersonID{"xmpp": v1alpha1.PersonID(id)}}
}

func idOf(c *Compiler, namespace, email string) string {
	p, ok := c.Table().Person(namespace, travis.HashEmail(email))
	if !ok {
		return ""
	}
	return p.Name + p.IDs["xmpp"]
}

func TestPeople(t *testing.T) {
	c := peopleTestCompiler()
	hash := v1alpha1.Email(strings.ToUpper(travis.HashEmail("grace@example.com")))
	c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{
		People: []v1alpha1.Person{
			person("ada", "A1", "ada@example.com", "ada@home.example"), person("grace", "G1", hash), person("lower", "b1", "b@example.com"),
			person("again", "A2", "ADA@example.com"), {Name: "other", Emails: []v1alpha1.Email{"x"}, IDs: map[string]v1alpha1.PersonID{"xmp": "A"}},
		},
		PeopleFrom: &v1alpha1.PeopleSource{ConfigMap: "more"},
	}))
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{
		People: []v1alpha1.Person{person("ada", "CLUSTER", "ada@example.com"), person("eve", "E1", "eve@example.com")},
	}))
	for email, want := range map[string]string{
		"ada@example.com": "ada<A1>", "ada@home.example": "ada<A1>", "grace@example.com": "grace<G1>",
		"eve@example.com": "eve<E1>", "b@example.com": "lower", "nobody@example.com": "", "": "",
	} {
		if got := idOf(c, "a", email); got != want {
			t.Errorf("%s is %q, want %q", email, got, want)
		}
	}
	if got := idOf(c, "b", "ada@example.com"); got != "ada<CLUSTER>" {
		t.Errorf("in another namespace, ada@example.com is %q", got)
	}
	v, _ := c.DefaultsVerdict("a")
	want := []Problem{{v1alpha1.ReasonPeopleInvalid, `people: "lower": an id is in upper case; ` +
		`people: "ada" and "again" have the same address: the first is used; ` +
		`people: "other" has an id for "xmp", which is no service that mentions people: did you mean xmpp? There are: xmpp; ` +
		`people: "other" has an address that is neither an e-mail address nor the SHA-256 of one, as 64 hexadecimal digits`}}
	if diff := cmp.Diff(want, v.Faults); diff != "" || len(v.Invalid) > 0 {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	snapshot, err := c.Snapshot()
	if err != nil || strings.Contains(string(snapshot), "@") {
		t.Errorf("the snapshot holds an address: %v\n%s", err, snapshot)
	}
}

func TestPeopleOfAConfigMap(t *testing.T) {
	c := peopleTestCompiler()
	c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{PeopleFrom: &v1alpha1.PeopleSource{ConfigMap: "more"}}))
	key := types.NamespacedName{Namespace: "a", Name: "more"}
	if got := c.PeopleSources(); !slices.Equal(got, []types.NamespacedName{key}) {
		t.Errorf("the ConfigMaps to read are %v", got)
	}
	const list = "- name: ada\n  emails: [ada@example.com]\n  ids: {xmpp: A1}\n"
	for _, test := range []struct {
		data        PeopleData
		fault, want string
	}{
		{PeopleData{}, "does not exist: create it with the key people.yaml", ""},
		{PeopleData{Found: true}, "lacks the key people.yaml", ""},
		{PeopleData{Found: true, YAML: "- name: ada\n  mail: ada@example.com\n"}, "people.yaml is not a list of people, each with name, emails and ids", ""},
		{PeopleData{Found: true, YAML: list + strings.Repeat("#", maxPeopleYAML)}, "has more than 524288 bytes in the key people.yaml", ""},
		{PeopleData{Found: true, YAML: list}, "", "ada<A1>"},
	} {
		c.PutPeople(key, test.data)
		if got := idOf(c, "a", "ada@example.com"); got != test.want {
			t.Errorf("ada is %q, want %q", got, test.want)
		}
		v, _ := c.DefaultsVerdict("a")
		var want []Problem
		if test.fault != "" {
			want = []Problem{{v1alpha1.ReasonPeopleInvalid, `peopleFrom: ConfigMap "more" of namespace "a" ` + test.fault}}
		}
		if diff := cmp.Diff(want, v.Faults); diff != "" {
			t.Errorf("faults (-want +got):\n%s", diff)
		}
	}
	c.PutDefaults(&v1alpha1.TravisDefaults{ObjectMeta: testDefaults("a", v1alpha1.TravisDefaultsSpec{}).ObjectMeta})
	if got := c.PeopleSources(); len(got) > 0 || len(c.people) > 0 || idOf(c, "a", "ada@example.com") != "" {
		t.Errorf("the ConfigMap is still used: %v", got)
	}
}

// TestMessagesWarnOfWhatAServiceCannotDo: silent messages and mentions, and a mention of nobody.
func TestMessagesWarnOfWhatAServiceCannotDo(t *testing.T) {
	c := peopleTestCompiler()
	account := v1alpha1.Account{Name: "jabber", XMPP: &v1alpha1.XMPPAccount{JID: "ci@example.com", SecretRef: v1alpha1.SecretReference{Name: "jabber"}}}
	c.PutDefaults(testDefaults("a", v1alpha1.TravisDefaultsSpec{Accounts: []v1alpha1.Account{account}}))
	c.PutSecret(testSecret("a", "jabber", v1alpha1.SecretTypeCredential, "password", "correct horse"))
	spec := specOf("example/example", "jabber", "passed")
	spec.Message = &v1alpha1.MessageTemplate{Silent: []v1alpha1.EventName{"passed"}, Mention: v1alpha1.MentionAuthor}
	c.PutRoute(testRoute("a", "r", spec))
	key := types.NamespacedName{Namespace: "a", Name: "r"}
	want := []string{
		`message.silent has no effect in the channels of account "jabber": xmpp cannot send a message that notifies nobody`,
		`message.mention has no effect in the channels of account "jabber": xmpp cannot mention people`,
		`message.mention is Author, and there are no people to mention: add people to the TravisDefaults of namespace "a" or "travishook-system"`,
	}
	v, _ := c.Verdict(key)
	if diff := cmp.Diff(want, v.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	c.PutDefaults(testDefaults(operatorNamespace, v1alpha1.TravisDefaultsSpec{People: []v1alpha1.Person{person("ada", "A1", "ada@example.com")}}))
	v, _ = c.Verdict(key)
	if diff := cmp.Diff(want[:2], v.Warnings); diff != "" {
		t.Errorf("with people, warnings (-want +got):\n%s", diff)
	}
}
