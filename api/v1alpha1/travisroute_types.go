package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TravisRouteSpec says which builds of a repository are told in which rooms.
type TravisRouteSpec struct {
	// repository whose builds are relayed, as owner/name. Upper and lower case do not matter.
	//
	// +required
	// +kubebuilder:validation:MaxLength=140
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~-]+/[A-Za-z0-9._~-]+$')",message="a repository is owner/name, as in the address of its page on Travis, such as example/example"
	Repository string `json:"repository"`

	// channels are the rooms that get the messages. Two that turn out to be the same room get
	// one message, and the status says so.
	//
	// +required
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Channels []Channel `json:"channels"`

	// events to relay. success is the same as passed; failure is short for broken, failed and
	// errored; * is every event and stands alone.
	// Travis calls a build that fails after one that passed broken, and says failed only where
	// there is no such past: so list failure, or both. pending is sent only if .travis.yml has
	// on_start: always.
	// Left out, the route follows the defaults, also when they change. Without any defaults
	// these are passed, failure, fixed and still_failing.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would relay nothing: leave events out to follow the defaults, or set suspend to stop the route"
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || !self.exists(e, e == '*')",message="* is every event already, so it stands alone: remove the others, or remove *"
	Events []EventName `json:"events,omitempty"`

	// branches to relay, by the name of the branch that was built; for a pull request that is
	// the branch it would be merged into. Left out: all.
	//
	// +optional
	Branches *Branches `json:"branches,omitempty"`

	// buildTypes to relay, by what made Travis build. Left out: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would relay nothing: leave buildTypes out for all of them, or set suspend to stop the route"
	BuildTypes []BuildType `json:"buildTypes,omitempty"`

	// filter is a CEL expression over build, commit, repository, pullRequest and jobs. An event
	// is relayed if it is true, such as build.duration > duration("10m"). An expression that does
	// not compile keeps the route from being accepted; one that fails on an event lets it through.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Filter string `json:"filter,omitempty"`

	// message is the text of the route's messages. Left out: that of the defaults, else the
	// built-in line.
	//
	// +optional
	Message *MessageTemplate `json:"message,omitempty"`

	// repositoryID pins the repository itself by Travis' own number for it, so that another one
	// that later takes the same name is not relayed. The number of the first proven event is
	// remembered anyway; set this to accept a repository that was made anew under its old name.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9007199254740991
	RepositoryID int64 `json:"repositoryID,omitempty"`

	// suspend stops the route without deleting it. Events that arrive meanwhile are not kept for it.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Channel is a room on a chat service.
//
// +kubebuilder:validation:XValidation:rule="self.account.size() + self.address.size() > 0",message="a channel needs an address (the room), an account (if the account's Secret names the room), or both"
type Channel struct {
	// account that speaks in the room, by its name in TravisDefaults: that of this namespace,
	// else the cluster's. Left out: the default account.
	//
	// +optional
	// +default=""
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account,omitempty"`

	// address of the room, as the account's service names it: example@conference.example.com
	// for XMPP, a key of the account's Secret for webhooks. May be left out where the account's
	// Secret names one room only.
	//
	// +optional
	// +default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[[:cntrl:]]')",message="an address is one line without control characters"
	Address string `json:"address,omitempty"`
}

// EventName is an event that Travis tells of, or a name for several.
//
// +kubebuilder:validation:Enum=pending;passed;fixed;broken;failed;still_failing;errored;canceled;success;failure;*
// +kubebuilder:validation:MaxLength=16
type EventName string

// EventAll is every event; it stands alone in a list.
const EventAll EventName = "*"

// BuildType is what made Travis build.
//
// +kubebuilder:validation:Enum=push;pull_request;cron;api
// +kubebuilder:validation:MaxLength=16
type BuildType string

// Branches chooses branches by globs: * is any run of characters except /, ** is any run,
// ? is one character except /. A branch is chosen if it matches one of include (or include is
// empty) and none of exclude.
type Branches struct {
	// include the branches that match one of these; none means all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Include []Glob `json:"include,omitempty"`

	// exclude the branches that match one of these, even if they are included.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Exclude []Glob `json:"exclude,omitempty"`
}

// Glob is a pattern: * is any run of characters except /, ** is any run, ? is one character
// except /. Everything else is itself.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=255
type Glob string

// MessageTemplate is the text of a message. One that does not compile, or fails, gives way to
// the built-in line, and the status says so.
type MessageTemplate struct {
	// text with variables, such as %{repository}#%{build_number}: %{result}.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Text string `json:"text"`

	// syntax of the text: Travis for the variables of Travis' own notifications, or Go for a
	// Go template.
	//
	// +optional
	// +default="Travis"
	Syntax TemplateSyntax `json:"syntax,omitempty"`
}

// TemplateSyntax is a language of templates.
//
// +kubebuilder:validation:Enum=Travis;Go
// +kubebuilder:validation:MaxLength=16
type TemplateSyntax string

// The languages of templates.
const (
	SyntaxTravis TemplateSyntax = "Travis"
	SyntaxGo     TemplateSyntax = "Go"
)

// TravisRouteStatus is what the operator observed.
type TravisRouteStatus struct {
	// observedGeneration is the generation of the spec that the status tells of.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (the spec makes sense), ResolvedRefs (account, credential and
	// token were found), Ready (their summary) and Delivering (whether messages arrive). Their
	// messages say what is missing and what to do.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// events in effect: those of the spec or of the defaults, with the short names spelled out.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	Events []EventName `json:"events,omitempty"`

	// eventSummary is the same as one line.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	EventSummary string `json:"eventSummary,omitempty"`

	// channels tell what became of the messages, for each channel that an event came for.
	//
	// +optional
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	Channels []ChannelStatus `json:"channels,omitempty"`

	// test tells what came of the last test message, which the annotation travishook.dev/test asks for.
	//
	// +optional
	Test *RouteTest `json:"test,omitempty"`

	// lastBuild is the last one that a message told of, with its event.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	LastBuild string `json:"lastBuild,omitempty"`
}

// TravisRoute relays the builds of one Travis CI repository to chat rooms. The smallest one names
// a repository and a room; who speaks there is set up in a TravisDefaults, and the repository's
// token in a Secret.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=travis,shortName=troute
// +kubebuilder:metadata:annotations="kustomize.toolkit.fluxcd.io/substitute=disabled"
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.repository`
// +kubebuilder:printcolumn:name="Events",type=string,JSONPath=`.status.eventSummary`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Last build",type=string,JSONPath=`.status.lastBuild`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type TravisRoute struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is standard object metadata.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says which builds are told in which rooms.
	//
	// +required
	Spec TravisRouteSpec `json:"spec"`

	// status is what the operator observed. Nobody else writes it.
	//
	// +optional
	Status TravisRouteStatus `json:"status,omitempty"`
}

// TravisRouteList is a list of TravisRoutes.
//
// +kubebuilder:object:root=true
type TravisRouteList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []TravisRoute `json:"items"`
}
