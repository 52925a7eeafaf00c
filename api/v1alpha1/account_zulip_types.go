package v1alpha1

// ZulipAccount is a bot in a Zulip organization.
type ZulipAccount struct {
	// server is the organization's URL, such as https://example.zulipchat.com. The keys server and site of
	// the Secret take precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://example.zulipchat.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. Its keys key and email, the bot's API key and e-mail address, are
	// required.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
