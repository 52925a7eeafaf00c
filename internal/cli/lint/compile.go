package lint

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/routing"
	"github.com/travishook/travishook/internal/secret"
	"github.com/travishook/travishook/internal/travis"
)

// objects pass the schema; each has its document for the line numbers.
type objects struct {
	routes     []route
	defaults   []defaults
	namespaces []*document
}

type route struct {
	document *document
	object   *v1alpha1.TravisRoute
}

type defaults struct {
	document *document
	object   *v1alpha1.TravisDefaults
}

// keep decodes a valid object for compile.
func (l *linter) keep(d *document) {
	convert := runtime.DefaultUnstructuredConverter.FromUnstructured
	d.namespace = cmp.Or(d.namespace, l.namespace)
	switch d.kind {
	case "TravisRoute":
		r := &v1alpha1.TravisRoute{}
		if err := convert(d.value, r); err != nil {
			l.report(d, Error, "", "%v", err)
			return
		}
		r.Namespace = d.namespace
		l.objects.routes = append(l.objects.routes, route{d, r})
	case "TravisDefaults":
		t := &v1alpha1.TravisDefaults{}
		if err := convert(d.value, t); err != nil {
			l.report(d, Error, "", "%v", err)
			return
		}
		t.Namespace = d.namespace
		l.objects.defaults = append(l.objects.defaults, defaults{d, t})
	}
}

// secret checks a Secret for the operator and passes it to the compiler.
func (l *linter) secret(d *document) {
	d.namespace = cmp.Or(d.namespace, l.namespace)
	labels, _, _ := unstructured.NestedStringMap(d.value, "metadata", "labels")
	s := routing.Secret{Namespace: d.namespace, Name: d.name, Type: labels[v1alpha1.LabelSecretType], Data: secretData(d.value)}
	label := fmt.Sprintf("metadata.labels[%s]", v1alpha1.LabelSecretType)
	switch s.Type {
	case "":
		l.unlabeled(d, s)
		return
	case v1alpha1.SecretTypeToken:
		l.checkToken(d, s)
	case v1alpha1.SecretTypeCredential, v1alpha1.SecretTypeKey:
	default:
		l.checked++
		l.report(d, Error, label, "unknown value %q: the label %s is one of %s, %s and %s", s.Type, v1alpha1.LabelSecretType,
			v1alpha1.SecretTypeToken, v1alpha1.SecretTypeCredential, v1alpha1.SecretTypeKey)
		return
	}
	l.checked++
	l.compiler.PutSecret(s)
}

// unlabeled reports a Secret that looks like a token but lacks the label, so that the operator ignores it.
func (l *linter) unlabeled(d *document, s routing.Secret) {
	l.compiler.PutUnlabeled(types.NamespacedName{Namespace: d.namespace, Name: d.name})
	repository, token := s.Data["repository"], s.Data["token"]
	if !strings.Contains(repository.Reveal(), "/") || token.Empty() {
		return
	}
	l.checked++
	l.report(d, Warning, "metadata.labels", "the Secret looks like a repository's token but lacks the label, so that the operator does not read it: kubectl label secret -n %s %s %s=%s",
		d.namespace, d.name, v1alpha1.LabelSecretType, v1alpha1.SecretTypeToken)
}

// people passes a ConfigMap with people to the compiler, which reports its mistakes where a TravisDefaults names it.
func (l *linter) people(d *document) {
	data, _, _ := unstructured.NestedStringMap(d.value, "data")
	if content, ok := data[v1alpha1.PeopleKey]; ok {
		key := types.NamespacedName{Namespace: cmp.Or(d.namespace, l.namespace), Name: d.name}
		l.compiler.PutPeople(key, routing.PeopleData{Found: true, YAML: content})
	}
}

func (l *linter) checkToken(d *document, s routing.Secret) {
	for _, key := range []string{"repository", "token"} {
		value, ok := s.Data[key]
		switch {
		case !ok || value.Empty():
			l.report(d, Error, "", "a token Secret needs the keys repository and token; %s is missing", key)
		case key == "repository" && !travis.IsSlug(value.WithoutNewline().Reveal()):
			l.report(d, Error, "", "the value of the key repository is not %s", travis.SlugRule)
		}
	}
}

// secretData returns the data that the API server would store: stringData goes before data.
func secretData(value map[string]any) map[string]secret.Value {
	data := map[string]secret.Value{}
	encoded, _, _ := unstructured.NestedStringMap(value, "data")
	for key, text := range encoded {
		if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
			data[key] = secret.New(string(raw))
		}
	}
	literal, _, _ := unstructured.NestedStringMap(value, "stringData")
	for key, text := range literal {
		data[key] = secret.New(text)
	}
	return data
}

// compile passes all objects to the operator's compiler and reports its problems and warnings.
func (l *linter) compile() {
	for _, n := range l.objects.namespaces {
		labels, _, _ := unstructured.NestedStringMap(n.value, "metadata", "labels")
		l.compiler.PutNamespace(n.name, labels)
	}
	for _, d := range l.objects.defaults {
		l.compiler.PutDefaults(d.object)
	}
	for _, r := range l.objects.routes {
		l.compiler.PutRoute(r.object)
	}
	for _, d := range l.objects.defaults {
		l.reportDefaults(d)
	}
	for _, r := range l.objects.routes {
		l.reportRoute(r)
	}
	l.pitfalls()
}

func (l *linter) reportDefaults(d defaults) {
	v, ok := l.compiler.DefaultsVerdict(d.object.Namespace)
	if !ok {
		return
	}
	for _, p := range slices.Concat(v.Invalid, v.Unresolved, v.Faults) {
		l.problem(d.document, p, accountField(d.object, p.Message))
	}
	for _, w := range v.Warnings {
		l.report(d.document, Warning, fieldOf(w, accountField(d.object, w)), "%s", w)
	}
}

func (l *linter) reportRoute(r route) {
	v, ok := l.compiler.Verdict(types.NamespacedName{Namespace: r.object.Namespace, Name: r.object.Name})
	if !ok {
		return
	}
	for _, p := range v.Problems() {
		l.problem(r.document, p, channelField(r.object, p.Message))
	}
	for _, w := range v.Warnings {
		l.report(r.document, Warning, fieldOf(w, "spec.channels"), "%s", w)
	}
}

// problem reports a compiler's problem with the severity that is certain without a cluster: tokens and
// credentials are seldom stored with manifests, and accounts may be defined elsewhere.
func (l *linter) problem(d *document, p routing.Problem, field string) {
	severity := Error
	switch p.Reason {
	case v1alpha1.ReasonTokenNotFound, v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonNoKey:
		return
	case v1alpha1.ReasonAccountNotFound:
		if len(l.objects.defaults) == 0 {
			return
		}
		p.Message += " (not found in these files)"
		severity = Warning
	case v1alpha1.ReasonAccountNotAllowed, v1alpha1.ReasonSecretNotLabeled:
		severity = Warning
	case v1alpha1.ReasonAccountInvalid, v1alpha1.ReasonAddressInvalid:
		if strings.Contains(p.Message, "Secret") {
			severity = Warning // a Secret with manifests often has only a placeholder
		}
	case v1alpha1.ReasonFilterInvalid:
		field = "spec.filter"
	case v1alpha1.ReasonPeopleInvalid:
		field = "spec.people"
		if strings.HasPrefix(p.Message, "peopleFrom") {
			field = "spec.peopleFrom"
		}
	case v1alpha1.ReasonMessageInvalid:
		field = "spec.message.text"
	case v1alpha1.ReasonInvalid:
		field = fieldOf(p.Message, field)
	}
	l.report(d, severity, field, "%s", p.Message)
}

// fieldOf returns the field of the spec that a compiler's message begins with.
func fieldOf(message, otherwise string) string {
	start, _, _ := strings.Cut(message, ":")
	if strings.HasPrefix(start, "branches.") {
		return "spec." + start
	}
	if start == "message" {
		return "spec.message.text"
	}
	for _, field := range []string{"events", "signatureOnly", "repository", "filter"} {
		if strings.HasPrefix(message, field) {
			return "spec." + field
		}
	}
	return otherwise
}

// channelField returns the channel whose account or address a message names.
func channelField(r *v1alpha1.TravisRoute, message string) string {
	for i, channel := range r.Spec.Channels {
		for _, named := range []string{channel.Address, channel.Account} {
			if named != "" && strings.Contains(message, fmt.Sprintf("%q", named)) {
				return fmt.Sprintf("spec.channels[%d]", i)
			}
		}
	}
	return "spec.channels"
}

// accountField returns the account that a message names, or whose Secret it names.
func accountField(d *v1alpha1.TravisDefaults, message string) string {
	for i := range d.Spec.Accounts {
		a := &d.Spec.Accounts[i]
		if strings.Contains(message, fmt.Sprintf("account %q", a.Name)) || namesSecret(message, a) {
			return fmt.Sprintf("spec.accounts[%d]", i)
		}
	}
	return "spec"
}

// namesSecret reports whether a message is about the account's Secret, for any service.
func namesSecret(message string, a *v1alpha1.Account) bool {
	_, rest, ok := strings.Cut(message, `Secret "`)
	name, _, closed := strings.Cut(rest, `"`)
	raw, err := json.Marshal(a)
	return ok && closed && err == nil && strings.Contains(string(raw), fmt.Sprintf(`"secretRef":{"name":%q}`, name))
}

func (l *linter) report(d *document, severity Severity, field, format string, args ...any) {
	l.findings = append(l.findings, Finding{
		File: d.file, Line: d.line(field), Severity: severity, Object: d.String(), Field: field, Message: fmt.Sprintf(format, args...),
	})
}
