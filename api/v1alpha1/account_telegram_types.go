package v1alpha1

// TelegramAccount is a Telegram bot.
type TelegramAccount struct {
	// server is the URL of a Bot API server of your own. If omitted, it is Telegram's. The key server of
	// the Secret takes precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://chat.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. Its key token, the bot's token, is required.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
