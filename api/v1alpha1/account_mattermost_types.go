package v1alpha1

// MattermostAccount is a bot on a Mattermost server, or a set of incoming webhooks.
type MattermostAccount struct {
	// server is the bot's server, such as https://chat.example.com. The key server in the Secret takes
	// precedence. Webhooks need no server.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. If it contains a bot's token under the key token, a channel's address is a
	// Mattermost channel, such as engineering/builds, or its ID. Otherwise it contains the URLs of incoming
	// webhooks: a single one under the key url, or several under other keys, which are the channels' addresses.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
