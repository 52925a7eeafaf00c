package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// DefaultsName is the only name that a TravisDefaults may have.
const DefaultsName = "default"

// TravisDefaultsSpec is what routes follow that say nothing else, and who the operator speaks as.
type TravisDefaultsSpec struct {
	// events of routes that list none. The names are those of a route's events.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would relay nothing: leave events out for the built-in defaults"
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || !self.exists(e, e == '*')",message="* is every event already, so it stands alone: remove the others, or remove *"
	Events []EventName `json:"events,omitempty"`

	// account of channels that name none. Left out, and with one account in the list, it is that one.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account,omitempty"`

	// message is the text of routes that bring none of their own.
	//
	// +optional
	Message *MessageTemplate `json:"message,omitempty"`

	// accounts that the operator can speak as, for the routes of this namespace. Those of the
	// operator's own namespace serve the whole cluster, as far as allowedNamespaces says.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Accounts []Account `json:"accounts,omitempty"`

	// signatureOnly grants namespaces the builds of repositories on Travis' signature alone,
	// without the repository's token. It counts only in the operator's own namespace.
	//
	// +optional
	SignatureOnly *SignatureOnly `json:"signatureOnly,omitempty"`
}

// Account is the bot's identity on a chat service. Exactly one service block is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.xmpp), has(self.webhook), has(self.slack)].filter(x, x).size() == 1",message="an account has exactly one service block: xmpp, webhook or slack"
type Account struct {
	// name by which channels refer to the account.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="an account's name is made of lower-case letters, digits and inner dashes, such as jabber"
	Name string `json:"name"`

	// xmpp speaks in multi-user chat rooms. A channel's address is a room, such as
	// example@conference.example.com.
	//
	// +optional
	XMPP *XMPPAccount `json:"xmpp,omitempty"`

	// webhook posts each event to an HTTP server, as JSON.
	//
	// +optional
	Webhook *WebhookAccount `json:"webhook,omitempty"`

	// slack speaks in Slack's channels, as an app with a bot token or through incoming webhooks.
	//
	// +optional
	Slack *SlackAccount `json:"slack,omitempty"`

	// allowedNamespaces are the namespaces whose routes may use the account. It counts only in
	// the operator's own namespace, whose accounts serve the cluster. Left out: all.
	//
	// +optional
	AllowedNamespaces *NamespaceSelection `json:"allowedNamespaces,omitempty"`

	// allowedAddresses are globs, one of which a room's address must match, such as #*. Left out: any.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	AllowedAddresses []Glob `json:"allowedAddresses,omitempty"`
}

// XMPPAccount is an XMPP client account.
type XMPPAccount struct {
	// jid is the account's bare address.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@/[:space:]]+@[^@/[:space:]]+$')",message="a jid is the account's bare address without a resource, such as ci@example.com"
	JID string `json:"jid"`

	// server to connect to, as host:port. Left out: found by the domain of the jid.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]]):[0-9]{1,5}$')",message="a server is host:port, such as xmpp.example.com:5222"
	Server string `json:"server,omitempty"`

	// nickname in the rooms. Left out: the part of the jid before the @.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Nickname string `json:"nickname,omitempty"`

	// secretRef names the Secret with the key password.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// WebhookAccount posts each event to a URL of its Secret.
type WebhookAccount struct {
	// format of the body: JSON, or CloudEvents for the same in a CloudEvent's envelope.
	//
	// +optional
	// +default="JSON"
	Format WebhookFormat `json:"format,omitempty"`

	// secretRef names the Secret with the URLs: one under the key url, or several, and then a
	// channel's address is the key. With the key hmacKey, requests are signed.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// WebhookFormat is a form of a webhook's body.
//
// +kubebuilder:validation:Enum=JSON;CloudEvents
// +kubebuilder:validation:MaxLength=16
type WebhookFormat string

// SlackAccount is a Slack app's bot, or a set of incoming webhooks.
type SlackAccount struct {
	// secretRef names the Secret with the key token for a bot token, and then a channel's address
	// is a Slack channel, such as #builds; or with incoming webhooks' URLs: one under the key url,
	// or several, and then a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// SecretReference names a Secret in the same namespace. The Secret must carry the label
// travishook.dev/secret-type: credential.
type SecretReference struct {
	// name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="a Secret's name is made of lower-case letters, digits, and inner dots and dashes"
	Name string `json:"name"`
}

// NamespaceSelection chooses namespaces.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector) == (self.from == 'Selector')",message="from: Selector needs a selector, and All and Same have none"
type NamespaceSelection struct {
	// from is All for every namespace, Selector for those that the selector chooses, Same for
	// this object's own.
	//
	// +required
	From NamespaceSource `json:"from"`

	// selector over the labels of namespaces.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// NamespaceSource is a way of choosing namespaces.
//
// +kubebuilder:validation:Enum=All;Selector;Same
// +kubebuilder:validation:MaxLength=16
type NamespaceSource string

// The ways of choosing namespaces.
const (
	FromAll      NamespaceSource = "All"
	FromSelector NamespaceSource = "Selector"
	FromSame     NamespaceSource = "Same"
)

// SignatureOnly is a grant of repositories to namespaces.
type SignatureOnly struct {
	// namespaces that get the grant.
	//
	// +required
	Namespaces NamespaceSelection `json:"namespaces"`

	// repositories that are granted, as globs over owner/name: example/* is all of one owner,
	// */* is all. Upper and lower case do not matter.
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

// TravisDefaultsStatus is what the operator observed.
type TravisDefaultsStatus struct {
	// observedGeneration is the generation of the spec that the status tells of.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (the spec makes sense), ResolvedRefs (the accounts' Secrets were
	// found and fit) and Ready (their summary); in the operator's own namespace also StoreAvailable
	// (the operator's store takes events). Their messages say what is missing and what to do.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// webhookURL is the address that people write into .travis.yml, as the operator's settings have
	// it: without a proof, which kubectl travis token adds.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	WebhookURL string `json:"webhookURL,omitempty"`

	// accounts tell of each account whether it can be used, and how it fares.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Accounts []AccountStatus `json:"accounts,omitempty"`
}

// TravisDefaults is what the routes of a namespace follow: their events, their text, and the
// accounts that the operator speaks as. There is one in a namespace, named default. That of the
// operator's own namespace serves the whole cluster; a namespace's own goes before it, field by
// field.
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

	// spec is what routes follow, and who the operator speaks as.
	//
	// +optional
	Spec TravisDefaultsSpec `json:"spec,omitempty"`

	// status is what the operator observed. Nobody else writes it.
	//
	// +optional
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
