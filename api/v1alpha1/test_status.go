package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// RouteTest is the result of a test that the annotation travishook.dev/test requested.
type RouteTest struct {
	// request is the value of the annotation.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	Request string `json:"request"`

	// time is when the test ran.
	//
	// +required
	Time metav1.Time `json:"time"`

	// passed is true if the message was delivered to every channel.
	//
	// +required
	Passed bool `json:"passed"`

	// channels has the result for each channel.
	//
	// +optional
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	Channels []ChannelTest `json:"channels,omitempty"`

	// reason is why the test did not run.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}

// ChannelTest is the result of a test message to one channel.
type ChannelTest struct {
	// account is the account that sent the message.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account"`

	// address is the address that it was sent to.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	Address string `json:"address"`

	// delivered is true if the service accepted the message.
	//
	// +required
	Delivered bool `json:"delivered"`

	// reason is why the message was not delivered, or what needs attention although it was delivered.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Reason string `json:"reason,omitempty"`
}
