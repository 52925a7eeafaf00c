package v1alpha1

// GoogleChatAccount is a set of Google Chat's webhooks, each for one space.
type GoogleChatAccount struct {
	// secretRef names the Secret with the webhooks' URLs. It has one under the key url, or several, and
	// then a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
