package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TravisDefaultsSpec is what routes that say nothing else follow, and who the operator speaks as.
type TravisDefaultsSpec struct {
	// events of routes that list none.
	Events []EventName `json:"events,omitempty"`
	// account of channels that name none. With a single account, that one.
	Account string `json:"account,omitempty"`
	// accounts the operator can speak as.
	Accounts []Account `json:"accounts,omitempty"`
	// signatureOnly grants repositories on Travis' signature alone, without a token.
	// Only in the cluster-wide object.
	SignatureOnly *SignatureOnly `json:"signatureOnly,omitempty"`
}

// Account is the bot's identity on a service. Exactly one service block is set.
type Account struct {
	Name string `json:"name"`
	// XMPP speaks in multi-user chat rooms.
	XMPP *XMPPAccount `json:"xmpp,omitempty"`
	// Webhook posts to any HTTP server.
	Webhook *WebhookAccount `json:"webhook,omitempty"`
	// allowedNamespaces that may use it; cluster-wide object only. Left out: all.
	AllowedNamespaces *NamespaceSelection `json:"allowedNamespaces,omitempty"`
	// allowedAddresses are globs, one of which a channel's address must match. Left out: any.
	AllowedAddresses []string `json:"allowedAddresses,omitempty"`
}

// XMPPAccount is an XMPP client account. Its Secret has the key password.
type XMPPAccount struct {
	JID       string          `json:"jid"`
	SecretRef SecretReference `json:"secretRef"`
}

// WebhookAccount posts each event to a URL. Its Secret has the keys url, and hmacKey if requests are to be signed.
type WebhookAccount struct {
	SecretRef SecretReference `json:"secretRef"`
	Format    string          `json:"format,omitempty"` // JSON or CloudEvents
}

// SecretReference names a Secret in the same namespace.
type SecretReference struct {
	Name string `json:"name"`
}

// NamespaceSelection chooses namespaces.
type NamespaceSelection struct {
	From     string                `json:"from,omitempty"` // All, Selector, Same
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// SignatureOnly is a grant.
type SignatureOnly struct {
	Namespaces   NamespaceSelection `json:"namespaces,omitempty"`
	Repositories []string           `json:"repositories,omitempty"`
}

// TravisDefaultsStatus is what the operator observed.
type TravisDefaultsStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
}

// +kubebuilder:object:root=true
// +kubebuilder:subresource:status

// TravisDefaults is one per namespace, named default.
type TravisDefaults struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TravisDefaultsSpec   `json:"spec,omitempty"`
	Status TravisDefaultsStatus `json:"status,omitempty"`
}

// +kubebuilder:object:root=true

// TravisDefaultsList is a list of TravisDefaults.
type TravisDefaultsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TravisDefaults `json:"items"`
}
