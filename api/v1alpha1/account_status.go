package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccountStatus is the state of one account.
type AccountStatus struct {
	// name is the name of the account.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// service is the service of the account.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=32
	Service string `json:"service,omitempty"`

	// usable is true if the account's fields and its Secret are valid. Whether the service accepts them is
	// known only after a message was sent.
	//
	// +required
	Usable bool `json:"usable"`

	// connected is true while the account is logged in, if its service keeps a connection. It is
	// absent for other services, and before the first message.
	//
	// +optional
	Connected *bool `json:"connected,omitempty"`

	// message says why the account is not usable.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// lastDelivered is when the account last delivered a message, within the last 30 days.
	//
	// +optional
	LastDelivered *metav1.Time `json:"lastDelivered,omitempty"`

	// lastFailure is the last failed attempt, within the last 30 days.
	//
	// +optional
	LastFailure *AccountFailure `json:"lastFailure,omitempty"`
}

// AccountFailure is a failed attempt to send a message with an account.
type AccountFailure struct {
	// time is when the attempt failed.
	//
	// +required
	Time metav1.Time `json:"time"`

	// reason is why the attempt failed.
	//
	// +required
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason"`
}
