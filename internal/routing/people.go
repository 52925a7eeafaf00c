package routing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/suggest"
	"github.com/travishook/travishook/internal/travis"
)

const (
	// maxPeople is how many people a TravisDefaults may have, with those of its ConfigMap.
	maxPeople = 5000
	// maxPeopleFaults is how many mistakes in people a status shows.
	maxPeopleFaults = 5
	// maxPeopleYAML is how many bytes of a ConfigMap are read.
	maxPeopleYAML = 512 << 10
)

// Person is a person who may be mentioned.
type Person struct {
	Name      string
	Addresses int               // how many of them lead to this person
	IDs       map[string]string // by service, as the service normalizes them
}

// people are those of a TravisDefaults, by the hash of each of their addresses. No address is kept.
type people map[string]*Person

// PeopleData is what is known of a ConfigMap with people.
type PeopleData struct {
	Found bool
	YAML  string // of v1alpha1.PeopleKey
}

// readPeople is a ConfigMap's content, read.
type readPeople struct {
	data  PeopleData
	list  []v1alpha1.Person
	fault string
}

// Person returns the person whose address has a hash: in the namespace's own TravisDefaults, then in the
// cluster's.
func (t *Table) Person(namespace, hash string) (*Person, bool) {
	for _, level := range t.levels(namespace) {
		if p, ok := level.people[hash]; ok {
			return p, true
		}
	}
	return nil, false
}

// People returns the people that a namespace may mention, by name: its own, and those of the cluster.
func (t *Table) People(namespace string) []*Person {
	seen := map[*Person]bool{}
	var all []*Person
	for _, level := range t.levels(namespace) {
		for _, p := range level.people {
			if !seen[p] {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	slices.SortFunc(all, func(a, b *Person) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// effectiveSilent returns the silent events of a route with a message, which may be nil.
func (t *Table) effectiveSilent(namespace string, own *v1alpha1.MessageTemplate) EventSet {
	messages := []*v1alpha1.MessageTemplate{own}
	for _, level := range t.levels(namespace) {
		messages = append(messages, level.message)
	}
	for _, m := range messages {
		if m != nil && m.Silent != nil {
			set, _ := ParseEvents(m.Silent) // the schema knows the names
			return set
		}
	}
	return 0
}

// effectiveMention returns the mention of a route with a message, which may be nil.
func (t *Table) effectiveMention(namespace string, own *v1alpha1.MessageTemplate) Mention {
	if own != nil && own.Mention != "" {
		return own.Mention
	}
	for _, level := range t.levels(namespace) {
		if level.message != nil && level.message.Mention != "" {
			return level.message.Mention
		}
	}
	return MentionNone
}

// PutPeople sets the content of a ConfigMap that a TravisDefaults names.
func (c *Compiler) PutPeople(key types.NamespacedName, data PeopleData) {
	c.mu.Lock()
	old, known := c.people[key]
	c.mu.Unlock()
	if known && old.data == data {
		return
	}
	read := readPeopleOf(data) // outside of the lock: it takes the most time
	c.update(func(ch *change) {
		c.people[key] = read
		ch.recompileDefaults(key.Namespace)
	})
}

func readPeopleOf(data PeopleData) readPeople {
	read := readPeople{data: data}
	switch {
	case !data.Found:
		read.fault = "does not exist: create it with the key " + v1alpha1.PeopleKey
	case data.YAML == "":
		read.fault = "lacks the key " + v1alpha1.PeopleKey
	case len(data.YAML) > maxPeopleYAML:
		read.fault = fmt.Sprintf("has more than %d bytes in the key %s", maxPeopleYAML, v1alpha1.PeopleKey)
	case yaml.UnmarshalStrict([]byte(data.YAML), &read.list) != nil:
		// The error may quote an address.
		read.list, read.fault = nil, v1alpha1.PeopleKey+" is not a list of people, each with name, emails and ids"
	}
	return read
}

// PeopleSources returns the ConfigMaps that TravisDefaults name, and forgets the content of others.
func (c *Compiler) PeopleSources() []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var named []types.NamespacedName
	for _, d := range c.defaults {
		if from := d.Spec.PeopleFrom; from != nil {
			named = append(named, types.NamespacedName{Namespace: d.Namespace, Name: from.ConfigMap})
		}
	}
	maps.DeleteFunc(c.people, func(key types.NamespacedName, _ readPeople) bool { return !slices.Contains(named, key) })
	return named
}

// peopleCompiler collects people and what is wrong with them.
type peopleCompiler struct {
	*Compiler
	out    people
	count  int
	faults []string
}

func (p *peopleCompiler) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// compilePeople compiles people and those of the ConfigMap. A mistake leaves out the id or person that has it.
func (c *Compiler) compilePeople(out *defaults, spec *v1alpha1.TravisDefaultsSpec) {
	p := &peopleCompiler{Compiler: c, out: people{}}
	p.add("people", spec.People)
	if spec.PeopleFrom != nil {
		p.addFrom(types.NamespacedName{Namespace: out.namespace, Name: spec.PeopleFrom.ConfigMap})
	}
	out.people, out.hasPeople = p.out, len(spec.People) > 0 || spec.PeopleFrom != nil
	if len(p.faults) == 0 {
		return
	}
	shown := strings.Join(p.faults[:min(len(p.faults), maxPeopleFaults)], "; ")
	if rest := len(p.faults) - maxPeopleFaults; rest > 0 {
		shown += fmt.Sprintf("; and %d more", rest)
	}
	out.verdict.Faults = append(out.verdict.Faults, *problem(v1alpha1.ReasonPeopleInvalid, "%s", shown))
}

func (p *peopleCompiler) addFrom(key types.NamespacedName) {
	read := p.people[key] // empty until it is read
	where := fmt.Sprintf("peopleFrom: ConfigMap %q of namespace %q", key.Name, key.Namespace)
	if read.fault != "" {
		p.fault("%s %s", where, read.fault)
	}
	p.add(where, read.list)
}

func (p *peopleCompiler) add(where string, list []v1alpha1.Person) {
	for i := range list {
		if p.count++; p.count > maxPeople {
			p.fault("%s: there are more than %d people: the others are ignored", where, maxPeople)
			return
		}
		p.addPerson(where, &list[i])
	}
}

func (p *peopleCompiler) addPerson(where string, spec *v1alpha1.Person) {
	person := &Person{Name: spec.Name, IDs: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(spec.IDs)) {
		service, ok := p.config.Services[name]
		if !ok || service.Person == nil {
			p.fault("%s: %.63q has an id for %.63q, which is no service that mentions people: %s", where, spec.Name, name, p.mentioning(name))
			continue
		}
		id, err := service.Person(string(spec.IDs[name]))
		if err != nil {
			p.fault("%s: %.63q: %v", where, spec.Name, err)
			continue
		}
		person.IDs[name] = id
	}
	for _, email := range spec.Emails {
		hash := hashOf(string(email))
		switch other := p.out[hash]; {
		case hash == "":
			p.fault("%s: %.63q has an address that is neither an e-mail address nor the SHA-256 of one, as 64 hexadecimal digits", where, spec.Name)
		case other != nil:
			p.fault("%s: %.63q and %.63q have the same address: the first is used", where, other.Name, spec.Name)
		default:
			p.out[hash] = person
			person.Addresses++
		}
	}
}

// mentioning lists the services that can mention, with the one that name probably means.
func (c *Compiler) mentioning(name string) string {
	var all []string
	for other, s := range c.config.Services {
		if s.Person != nil {
			all = append(all, other)
		}
	}
	return suggest.Sorted(name, all, "%s")
}

// hashOf returns the hash of an address, or of the hash itself; empty if it is neither.
func hashOf(email string) string {
	if raw, err := hex.DecodeString(email); err == nil && len(raw) == sha256.Size {
		return strings.ToLower(email)
	}
	return travis.HashEmail(email)
}
