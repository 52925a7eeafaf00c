package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TravisRouteSpec says which events of a repository go to which rooms.
type TravisRouteSpec struct {
	// repository whose builds are relayed, as owner/name. The case of letters does not matter.
	Repository string `json:"repository"`
	// channels are the rooms that get the messages.
	Channels []Channel `json:"channels"`
	// events to relay: pending, passed, fixed, broken, failed, still_failing, errored, canceled;
	// success is passed; failure is broken, failed and errored; * is all and stands alone.
	// Travis says broken for a build that fails after one that passed, and failed only without
	// such a past. Left out, the route follows the defaults.
	Events []EventName `json:"events,omitempty"`
	// suspend stops the route without deleting it. Events that arrive meanwhile are not kept.
	Suspend bool `json:"suspend,omitempty"`
}

// Channel is a room on a chat service.
type Channel struct {
	// account that speaks in the room, by its name in TravisDefaults. Left out: the default account.
	Account string `json:"account,omitempty"`
	// address of the room, as the account's service names it. May be left out where the account's
	// Secret names the room.
	Address string `json:"address,omitempty"`
}

// EventName is the name of an event, or of a group of them.
type EventName string

// TravisRouteStatus is what the operator observed.
type TravisRouteStatus struct {
	// observedGeneration is the generation of the spec that the status tells of.
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Accepted, ResolvedRefs and Ready.
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// events in effect, in the order of Travis' documentation.
	Events []EventName `json:"events,omitempty"`
	// eventSummary is the same as one string.
	EventSummary string `json:"eventSummary,omitempty"`
}

// +kubebuilder:object:root=true
// +kubebuilder:subresource:status

// TravisRoute relays events of one repository to rooms.
type TravisRoute struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   TravisRouteSpec   `json:"spec"`
	Status TravisRouteStatus `json:"status,omitempty"`
}

// +kubebuilder:object:root=true

// TravisRouteList is a list of TravisRoutes.
type TravisRouteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TravisRoute `json:"items"`
}
