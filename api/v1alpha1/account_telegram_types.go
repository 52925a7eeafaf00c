package v1alpha1

// TelegramAccount is a Telegram bot.
type TelegramAccount struct {
	// server is the URL of your own Bot API server. If omitted, Telegram's server is used. The key server in
	// the Secret takes precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. It must contain the bot's token under the key token.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
