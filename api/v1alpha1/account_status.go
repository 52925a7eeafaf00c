package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccountStatus is what the operator knows of one account.
type AccountStatus struct {
	// name of the account.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// service it speaks on.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Service string `json:"service,omitempty"`

	// usable says whether its block and its Secret make sense. Whether the service takes them shows
	// only when something is sent.
	//
	// +required
	Usable bool `json:"usable"`

	// connected says whether it is logged in at the moment, on a service where that is kept up.
	// It is absent on others, and before the first message.
	//
	// +optional
	Connected *bool `json:"connected,omitempty"`

	// message says what keeps it from being usable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// lastDelivered is when a message of the account last arrived, since the operator started.
	//
	// +optional
	LastDelivered *metav1.Time `json:"lastDelivered,omitempty"`

	// lastFailure is the last attempt that failed, since the operator started.
	//
	// +optional
	LastFailure *AccountFailure `json:"lastFailure,omitempty"`
}

// AccountFailure is an attempt to send as an account that failed.
type AccountFailure struct {
	// time it happened.
	//
	// +required
	Time metav1.Time `json:"time"`

	// reason it failed.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}
