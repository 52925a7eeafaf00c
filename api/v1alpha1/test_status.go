package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RouteTest is what came of a test that the annotation travishook.dev/test asked for.
type RouteTest struct {
	// request is the value of the annotation.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	Request string `json:"request"`

	// time it was made.
	//
	// +required
	Time metav1.Time `json:"time"`

	// passed says whether every channel took the message.
	//
	// +required
	Passed bool `json:"passed"`

	// channels tell what came of it in each.
	//
	// +optional
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	Channels []ChannelTest `json:"channels,omitempty"`

	// reason there was no test.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// ChannelTest is what came of a test message.
type ChannelTest struct {
	// account that spoke.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account"`

	// address of the room.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	Address string `json:"address"`

	// delivered says whether the service took the message.
	//
	// +required
	Delivered bool `json:"delivered"`

	// reason it did not, or what is not as it should be although it did.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}
