package v1alpha1

// RocketChatAccount is a bot on a Rocket.Chat server, or a set of incoming integrations.
type RocketChatAccount struct {
	// server is the bot's server, such as https://chat.example.com. The key server in the Secret takes
	// precedence. Integrations need no server.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. If it contains a bot's personal access token and user ID under the keys token
	// and user, a channel's address is a room, such as #builds, or its ID. Otherwise it contains the URLs of
	// incoming integrations: a single one under the key url, or several under other keys, which are the
	// channels' addresses.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
