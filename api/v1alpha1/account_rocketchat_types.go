package v1alpha1

// RocketChatAccount is a bot on a Rocket.Chat server, or a set of incoming integrations.
type RocketChatAccount struct {
	// server is the bot's server, such as https://chat.example.com. The key server of the Secret takes
	// precedence. Integrations need none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. With the keys token and user, a bot's personal access token and user ID,
	// a channel's address is a room, such as #builds, or its ID. Otherwise it has the URLs of incoming
	// integrations: one under the key url, or several, and then a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
