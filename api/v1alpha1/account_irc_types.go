package v1alpha1

// IRCAccount is a user of an IRC network.
type IRCAccount struct {
	// server is the server to connect to, as host:port. It is required here or in the Secret under the key
	// server. The Secret takes precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]]):[0-9]{1,5}$')",message="a server is host:port, such as irc.libera.chat:6697"
	Server string `json:"server,omitempty"`

	// nickname is the user's nickname.
	//
	// +required
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z_`^{|}\\\\[\\\\]\\\\\\\\][A-Za-z0-9_`^{|}\\\\[\\\\]\\\\\\\\-]*$')",message="a nickname consists of letters, digits and dashes, and begins with a letter, such as travis-ci"
	Nickname string `json:"nickname"`

	// tls is TLS for a connection that is encrypted from the beginning, or None for one that is encrypted only
	// if the server demands it (STS). If omitted, it is TLS.
	//
	// +optional
	TLS IRCTLS `json:"tls,omitempty"`

	// style is Notice or Message. Programs do not answer notices, and many clients show them differently from
	// people's messages. If omitted, it is Notice.
	//
	// +optional
	Style IRCStyle `json:"style,omitempty"`

	// linesPerMinute limits the rate after a burst of five lines. If omitted, it is 30, which most servers
	// allow. Servers disconnect users that are faster.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=60000
	LinesPerMinute int32 `json:"linesPerMinute,omitempty"`

	// secretRef names the Secret with the password of the user's account on the network, the
	// password of the server, or the keys of channels. It may be omitted if there are none.
	//
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// IRCTLS is how the connection to an IRC server is encrypted.
//
// +kubebuilder:validation:Enum=TLS;None
// +kubebuilder:validation:MaxLength=16
type IRCTLS string

// IRCStyle is a kind of message on IRC.
//
// +kubebuilder:validation:Enum=Notice;Message
// +kubebuilder:validation:MaxLength=16
type IRCStyle string
