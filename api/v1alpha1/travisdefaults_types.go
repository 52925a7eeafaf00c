package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DefaultsName is the only name that a TravisDefaults may have.
const DefaultsName = "default"

// TravisDefaultsSpec defines the defaults of routes, and the accounts that send messages.
type TravisDefaultsSpec struct {
	// events are the events of routes that list none. The names are the same as for a route's events.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would announce nothing: omit events for the built-in defaults"
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || !self.exists(e, e == '*')",message="* is every event, so it must be the only item: remove the others, or remove *"
	Events []EventName `json:"events,omitempty"`

	// account is the name of the account of channels that name none. If omitted, and accounts has only one
	// item, that account is used.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account,omitempty"`

	// message is the text of routes that have none of their own.
	//
	// +optional
	Message *MessageTemplate `json:"message,omitempty"`

	// transitions decides whether a build is broken, fixed or still_failing. Computed compares the build with
	// the previous build on the same branch, or of the same pull request, that passed or failed; while no such
	// build is known, it uses what Travis reports. Travis always uses what Travis reports, which is wrong for
	// builds that overlap or are restarted. If omitted, it is Computed.
	//
	// +optional
	Transitions Transitions `json:"transitions,omitempty"`

	// accounts are the accounts that send the messages of this namespace's routes. Accounts in the operator's
	// own namespace are shared with the namespaces that allowedNamespaces selects.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Accounts []Account `json:"accounts,omitempty"`

	// people lists the authors of commits, with their e-mail addresses and their ids on the chat services.
	// Messages can mention them (message.mention). A namespace's own people take precedence over the people in
	// the operator's namespace, which apply to all namespaces.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	People []Person `json:"people,omitempty"`

	// peopleFrom names a ConfigMap with more people.
	//
	// +optional
	PeopleFrom *PeopleSource `json:"peopleFrom,omitempty"`

	// signatureOnly authorizes namespaces for repositories on Travis' signature alone, without
	// the repository's token. It has an effect only in the operator's own namespace.
	//
	// +optional
	SignatureOnly *SignatureOnly `json:"signatureOnly,omitempty"`
}

// Person is a person who writes commits.
type Person struct {
	// name is the person's name, for readers of this object and of messages about it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// emails lists the e-mail addresses of the person's commits. In place of an address, it may contain the
	// SHA-256 of the address in lower case, as 64 hexadecimal digits.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Emails []Email `json:"emails"`

	// ids are the person's ids on each service, in the format that the service's page documents: {slack:
	// U012AB3CD, xmpp: ada}.
	//
	// +required
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=32
	IDs map[string]PersonID `json:"ids"`
}

// Email is an e-mail address, or the SHA-256 of one.
//
// +kubebuilder:validation:MaxLength=254
// +kubebuilder:validation:Pattern=`^([0-9a-fA-F]{64}|[^@\s]+@[^@\s]+)$`
type Email string

// PersonID is a person's id on a service.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=128
type PersonID string

// PeopleSource names an object from which people are read.
type PeopleSource struct {
	// configMap is the name of a ConfigMap in this namespace. Its key people.yaml contains a list in the same
	// format as people. The operator reads it once a minute.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	ConfigMap string `json:"configMap"`
}

// PeopleKey is the key of a ConfigMap with people.
const PeopleKey = "people.yaml"

// Transitions is the way of deciding whether a build is broken, fixed or still_failing.
//
// +kubebuilder:validation:Enum=Computed;Travis
// +kubebuilder:validation:MaxLength=16
type Transitions string

// The ways to decide it.
const (
	// Compares the build with the previous one.
	TransitionsComputed Transitions = "Computed"
	// Uses what Travis reports.
	TransitionsTravis Transitions = "Travis"
)

// NamespaceSelection selects namespaces.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector) == (self.from == 'Selector')",message="from: Selector needs a selector, and All and Same have none"
type NamespaceSelection struct {
	// from is All for every namespace, Selector for the namespaces that the selector matches, or Same for the
	// namespace of this object.
	//
	// +required
	From NamespaceSource `json:"from"`

	// selector matches the labels of namespaces.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// NamespaceSource is a way of selecting namespaces.
//
// +kubebuilder:validation:Enum=All;Selector;Same
// +kubebuilder:validation:MaxLength=16
type NamespaceSource string

// The ways of selecting namespaces.
const (
	// Selects every namespace.
	FromAll NamespaceSource = "All"
	// Selects the namespaces that the selector matches.
	FromSelector NamespaceSource = "Selector"
	// Selects the namespace of the object.
	FromSame NamespaceSource = "Same"
)

// SignatureOnly authorizes namespaces for repositories without a token.
type SignatureOnly struct {
	// namespaces selects the namespaces that are authorized.
	//
	// +required
	Namespaces NamespaceSelection `json:"namespaces"`

	// repositories lists globs of owner/name: example/* is every repository of one owner, and */* is every
	// repository. They are not case-sensitive.
	//
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Repositories []RepositoryGlob `json:"repositories"`
}

// RepositoryGlob is a pattern of owner/name.
//
// +kubebuilder:validation:MaxLength=140
// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~*?-]+/[A-Za-z0-9._~*?-]+$')",message="a pattern of repositories is owner/name with * in either, such as example/* or */*"
type RepositoryGlob string

// TravisDefaultsStatus is the state that the operator observed.
type TravisDefaultsStatus struct {
	// observedGeneration is the generation of the spec that the status describes. It is -1 until an operator
	// has seen the object.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (the spec is valid), ResolvedRefs (the accounts' Secrets were found and are
	// complete) and Ready (their summary). In the operator's own namespace they also include StoreAvailable
	// (the operator's store accepts events). Their messages say what is missing and how to fix it.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// webhookURL is the public URL of the receiver, as in the operator's settings. The webhook URL of a
	// repository also contains its proof: kubectl travis token prints the whole URL.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	WebhookURL string `json:"webhookURL,omitempty"`

	// accounts has the state of each account: whether it can be used, and its last delivery and failure.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Accounts []AccountStatus `json:"accounts,omitempty"`
}

// TravisDefaults has the defaults for the routes of a namespace: events, text, and the accounts that send the
// messages. A namespace can have one, named default. The TravisDefaults in the operator's own namespace applies
// to the whole cluster; a namespace's own takes precedence, field by field.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:path=travisdefaults,singular=travisdefaults,categories=travis,shortName=tdefaults
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Account",type=string,JSONPath=`.spec.account`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'default'",message="a namespace has one TravisDefaults, and its name is default"
type TravisDefaults struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec defines the defaults of routes, and the accounts that send messages.
	//
	// +optional
	Spec TravisDefaultsSpec `json:"spec,omitempty"`

	// status is the state that the operator observed. Only the operator writes it.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status TravisDefaultsStatus `json:"status,omitempty"`
}

// TravisDefaultsList is a list of TravisDefaults.
//
// +kubebuilder:object:root=true
type TravisDefaultsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TravisDefaults `json:"items"`
}
