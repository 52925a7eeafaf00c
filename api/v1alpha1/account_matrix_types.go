package v1alpha1

// MatrixAccount is a user of a Matrix homeserver.
type MatrixAccount struct {
	// server is the homeserver's URL, such as https://matrix.example.com. The key server in the Secret takes
	// precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@[:space:]]+(/[^?#[:space:]]*)?$')",message="a server is a URL, such as https://matrix.example.com"
	Server string `json:"server,omitempty"`

	// secretRef names the Secret. It must contain the access token of a session under the key token.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
