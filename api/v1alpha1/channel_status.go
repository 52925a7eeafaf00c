package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ChannelStatus is the state of the deliveries to one channel.
type ChannelStatus struct {
	// account is the account that sends to the channel.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account"`

	// address is the address, as the service normalizes it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	Address string `json:"address"`

	// waiting is the number of messages that wait for their first or next attempt.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting int32 `json:"waiting,omitempty"`

	// dead is the number of dead letters: messages that were not delivered and are kept for some
	// days. kubectl travis redrive sends them again.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Dead int32 `json:"dead,omitempty"`

	// lastDelivered is the last message that was delivered.
	//
	// +optional
	LastDelivered *LastAttempt `json:"lastDelivered,omitempty"`

	// lastFailure is the last failed attempt, with its reason.
	//
	// +optional
	LastFailure *LastAttempt `json:"lastFailure,omitempty"`
}

// LastAttempt is the last successful or the last failed attempt in a channel.
type LastAttempt struct {
	// time is when it happened.
	//
	// +required
	Time metav1.Time `json:"time"`

	// build is the number of the build.
	//
	// +required
	// +kubebuilder:validation:MaxLength=64
	Build string `json:"build"`

	// event is the event of the build.
	//
	// +required
	Event EventName `json:"event"`

	// reason is why the attempt failed, or why the build's earlier message was not updated.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}
