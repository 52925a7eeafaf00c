package v1alpha1

// MattermostAccount is a bot on a Mattermost server, or a set of incoming webhooks.
type MattermostAccount struct {
	// server is the bot's server, such as https://chat.example.com. The key server of the Secret takes
	// precedence. Webhooks need none.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. With the key token, a bot's token, a channel's address is a Mattermost
	// channel, such as engineering/builds, or its ID. Otherwise it has the URLs of incoming webhooks: one
	// under the key url, or several, and then a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
