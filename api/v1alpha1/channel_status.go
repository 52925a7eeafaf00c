package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ChannelStatus is what became of the messages of one channel.
type ChannelStatus struct {
	// account that speaks in the room.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account"`

	// address of the room, as the service spells it.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	Address string `json:"address"`

	// waiting is how many messages wait to be sent, or to be tried again.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Waiting int32 `json:"waiting,omitempty"`

	// dead is how many messages were given up. They are kept for some days.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Dead int32 `json:"dead,omitempty"`

	// lastDelivered is the last message that arrived.
	//
	// +optional
	LastDelivered *DeliveryMark `json:"lastDelivered,omitempty"`

	// lastFailure is the last attempt that failed, with its reason.
	//
	// +optional
	LastFailure *DeliveryMark `json:"lastFailure,omitempty"`
}

// DeliveryMark is a moment in the life of a channel.
type DeliveryMark struct {
	// time it happened.
	//
	// +required
	Time metav1.Time `json:"time"`

	// build it was about, by its number.
	//
	// +required
	// +kubebuilder:validation:MaxLength=64
	Build string `json:"build"`

	// event it was about.
	//
	// +required
	Event EventName `json:"event"`

	// reason it failed.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}
