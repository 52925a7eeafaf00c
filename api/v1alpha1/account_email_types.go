package v1alpha1

// EmailAccount is a sender of e-mail, and the mail server that relays it.
type EmailAccount struct {
	// server is the mail server, as host:port. It is required here or in the Secret under the key server. The
	// Secret takes precedence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]]):[0-9]{1,5}$')",message="a server is host:port, such as smtp.example.com:587"
	Server string `json:"server,omitempty"`

	// from is the sender, such as ci@example.com or Travis CI <ci@example.com>.
	//
	// +required
	// +kubebuilder:validation:MaxLength=320
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@]+@[^@]+$')",message="from is an e-mail address, such as ci@example.com or Travis CI <ci@example.com>"
	From string `json:"from"`

	// tls is how the connection is encrypted: StartTLS, TLS from the beginning, or None, which allows no login.
	// If omitted, it is TLS for port 465 and StartTLS for other ports.
	//
	// +optional
	TLS EmailTLS `json:"tls,omitempty"`

	// secretRef names the Secret with username and password. It may be omitted for a server that
	// asks for no login.
	//
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// EmailTLS is how the connection to a mail server is encrypted.
//
// +kubebuilder:validation:Enum=StartTLS;TLS;None
// +kubebuilder:validation:MaxLength=16
type EmailTLS string
