package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// TravisRouteSpec defines which builds of a repository are announced in which channels.
type TravisRouteSpec struct {
	// repository is the repository whose builds are announced, as owner/name. It is not case-sensitive. The
	// name may be a glob: example/* is every repository of the owner example that the namespace is authorized
	// for, and example/app-* is every one of these that matches.
	//
	// +required
	// +kubebuilder:validation:MaxLength=140
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9._~-]+/[A-Za-z0-9._~*?-]+$')",message="a repository is owner/name, as in the URL of its page on Travis, such as example/example, or owner/* for all of an owner's repositories"
	Repository string `json:"repository"`

	// channels are the channels that the messages are sent to. If two of them resolve to the same
	// address, it gets one message, and the status says so.
	//
	// +required
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=32
	Channels []Channel `json:"channels"`

	// events are the events to announce. success is the same as passed, failure is short for broken, failed and
	// errored, and * is every event and must be the only item. Travis sends broken for a build that fails after
	// one that passed, and failed only if no build passed before: list failure, or both. Travis sends pending
	// only if .travis.yml has on_start: always. If events is omitted, the route uses the events of the
	// TravisDefaults, and follows their changes. If these list no events either, they are passed, failure,
	// fixed and still_failing.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would announce nothing: omit events to follow the defaults, or set suspend to stop the route"
	// +kubebuilder:validation:XValidation:rule="self.size() < 2 || !self.exists(e, e == '*')",message="* is every event, so it must be the only item: remove the others, or remove *"
	Events []EventName `json:"events,omitempty"`

	// branches selects builds by the name of their branch. The branch of a pull request is the
	// one to merge into. If omitted, all branches match.
	//
	// +optional
	Branches *Branches `json:"branches,omitempty"`

	// buildTypes selects builds by what triggered them. If omitted, all types match.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:XValidation:rule="self.size() > 0",message="an empty list would announce nothing: omit buildTypes for all of them, or set suspend to stop the route"
	BuildTypes []BuildType `json:"buildTypes,omitempty"`

	// filter is a CEL expression over build, commit, repository, pullRequest and jobs, such as
	// build.duration > duration("10m"). An event is announced if the expression is true. If the
	// expression does not compile, the route is not accepted. If it fails on an event, the event
	// is announced.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Filter string `json:"filter,omitempty"`

	// message is the text of the route's messages. If omitted, the message in the TravisDefaults is used, or
	// else the default text.
	//
	// +optional
	Message *MessageTemplate `json:"message,omitempty"`

	// repositoryID is Travis' id of the repository. It pins the repository: builds of another repository that
	// later takes the same name are refused. If omitted, the id of the first verified event is pinned. Set
	// repositoryID to accept a repository that was created again under its old name. It cannot be set if
	// repository is a glob.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9007199254740991
	RepositoryID int64 `json:"repositoryID,omitempty"`

	// suspend stops the route without deleting it. Events that arrive while it is suspended are
	// not sent later.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// Channel is a channel of a chat service.
//
// +kubebuilder:validation:XValidation:rule="self.account.size() + self.address.size() > 0",message="a channel needs an address, an account whose Secret has the address, or both"
type Channel struct {
	// account is the name of the account that sends the message. The account is defined in the TravisDefaults
	// of this namespace or, if it has none with this name, of the operator's namespace. If omitted, the default
	// account is used.
	//
	// +optional
	// +default=""
	// +kubebuilder:validation:MaxLength=63
	Account string `json:"account,omitempty"`

	// address is the channel's address within the service, such as
	// example@conference.example.com for XMPP, #builds for Slack, or a key of the account's Secret
	// for webhooks. It may be omitted if the account's Secret has only one address.
	//
	// +optional
	// +default=""
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="!self.matches('[[:cntrl:]]')",message="an address is one line without control characters"
	Address string `json:"address,omitempty"`
}

// EventName is an event of a build, or a name for several events: success is the same as passed, failure is
// short for broken, failed and errored, and * is every event.
//
// +kubebuilder:validation:Enum=pending;passed;fixed;broken;failed;still_failing;errored;canceled;success;failure;*
// +kubebuilder:validation:MaxLength=16
type EventName string

// EventAll is every event; it is the only item of a list.
const EventAll = EventName("*")

// BuildType is what triggered a build.
//
// +kubebuilder:validation:Enum=push;pull_request;cron;api
// +kubebuilder:validation:MaxLength=16
type BuildType string

// Branches selects branches by globs. A branch is selected if it matches a pattern in include (or include is
// empty) and no pattern in exclude.
type Branches struct {
	// include lists globs of the branches to include. If it is empty, all branches are included.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Include []Glob `json:"include,omitempty"`

	// exclude lists globs of the branches to exclude. It takes precedence over include.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	Exclude []Glob `json:"exclude,omitempty"`
}

// Glob is a pattern: * matches any characters except /, ** matches any characters, and ? matches one
// character except /. Everything else matches itself. It is not a regular expression.
//
// +kubebuilder:validation:MinLength=1
// +kubebuilder:validation:MaxLength=255
type Glob string

// MessageTemplate is the text of a message. If it does not compile, or fails on an event, the default
// text is sent, and the status says so.
//
// +kubebuilder:validation:XValidation:rule="has(self.text) || has(self.updates) || has(self.silent) || has(self.mention)",message="a message sets its text, updates, silent or mention"
type MessageTemplate struct {
	// text is a template, such as "%{repository}#%{build_number}: %{result}".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Text string `json:"text,omitempty"`

	// syntax is the syntax of the text: Travis for the variables of Travis' own notifications, or
	// Go for a Go template.
	//
	// +optional
	// +default="Travis"
	Syntax TemplateSyntax `json:"syntax,omitempty"`

	// updates is what a later state of a build does to the build's earlier message in a channel. Separate sends
	// a new message. Edit keeps the build in one message, which shows its latest state; a short reply also
	// announces a failure or a recovery. Thread sends the later states as replies to the first message, which
	// shows the latest state as well. If the service does not support that, or if the earlier message can no
	// longer be edited, a new message is sent. If omitted, the value in the TravisDefaults is used, or else
	// Separate.
	//
	// +optional
	Updates Updates `json:"updates,omitempty"`

	// silent lists the events whose messages notify nobody. If the service cannot send such messages, silent
	// has no effect, and the status says so. If omitted, the list in the TravisDefaults is used, or else no
	// event is silent. An empty list means no event.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	Silent []EventName `json:"silent,omitzero"`

	// mention is whom a message about a build that breaks (the events broken, failed and errored) mentions.
	// None mentions nobody. Author mentions the commit's author if people in a TravisDefaults has their e-mail
	// address, but never for pull requests, because whoever writes a commit can enter any author.
	// AuthorAndPullRequests does the same, and for pull requests too. If omitted, the value in the
	// TravisDefaults is used, or else None.
	//
	// +optional
	Mention Mention `json:"mention,omitempty"`
}

// Mention is whom a message mentions.
//
// +kubebuilder:validation:Enum=None;Author;AuthorAndPullRequests
// +kubebuilder:validation:MaxLength=32
type Mention string

// Whom to mention.
const (
	// Mentions nobody.
	MentionNone Mention = "None"
	// Mentions the author of the commit, except for pull requests.
	MentionAuthor Mention = "Author"
	// Mentions the author of the commit, for pull requests too.
	MentionAuthorAndPullRequests Mention = "AuthorAndPullRequests"
)

// Updates is what a later state of a build does to the build's earlier message.
//
// +kubebuilder:validation:Enum=Separate;Edit;Thread
// +kubebuilder:validation:MaxLength=16
type Updates string

// The ways to update a message.
const (
	// Sends a new message.
	UpdatesSeparate Updates = "Separate"
	// Edits the message.
	UpdatesEdit Updates = "Edit"
	// Edits the message and replies to it.
	UpdatesThread Updates = "Thread"
)

// TemplateSyntax is a syntax of templates.
//
// +kubebuilder:validation:Enum=Travis;Go
// +kubebuilder:validation:MaxLength=16
type TemplateSyntax string

// The syntaxes of templates.
const (
	// The variables of Travis' own notifications: %{variable}.
	SyntaxTravis TemplateSyntax = "Travis"
	// The syntax of Go's text/template: {{.variable}}.
	SyntaxGo TemplateSyntax = "Go"
)

// TravisRouteStatus is the state that the operator observed.
type TravisRouteStatus struct {
	// observedGeneration is the generation of the spec that the status describes. It is -1 until an operator
	// has seen the object.
	//
	// +optional
	// +kubebuilder:validation:Minimum=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Accepted (the spec is valid), ResolvedRefs (accounts, credentials and token
	// were found), Ready (their summary) and Delivering (messages arrive). Their messages say what
	// is missing and how to fix it.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// events are the events in effect, from the spec or from the TravisDefaults, with short names expanded.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=10
	Events []EventName `json:"events,omitempty"`

	// eventSummary is the events in effect as one line.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	EventSummary string `json:"eventSummary,omitempty"`

	// repository is the repository that the name in the spec refers to, once it is known. It is absent if the
	// spec's repository is a glob.
	//
	// +optional
	Repository *RepositoryIdentity `json:"repository,omitempty"`

	// channels has the state of the deliveries to each channel for which an event was accepted.
	//
	// +optional
	// +listType=map
	// +listMapKey=account
	// +listMapKey=address
	// +kubebuilder:validation:MaxItems=32
	Channels []ChannelStatus `json:"channels,omitempty"`

	// test is the result of the last test message. The annotation travishook.dev/test requests one.
	//
	// +optional
	Test *RouteTest `json:"test,omitempty"`

	// lastBuild is the last build for which a message was delivered, with its event.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=128
	LastBuild string `json:"lastBuild,omitempty"`
}

// TravisRoute announces the builds of a Travis CI repository in chat channels. The smallest one names a
// repository and a channel. The account that sends the messages is defined in a TravisDefaults, and the
// repository's token is in a Secret.
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

	// spec defines which builds are announced in which channels.
	//
	// +required
	Spec TravisRouteSpec `json:"spec"`

	// status is the state that the operator observed. Only the operator writes it.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
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
