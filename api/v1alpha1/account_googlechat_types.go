package v1alpha1

// GoogleChatAccount is a set of Google Chat webhooks, each for one space.
type GoogleChatAccount struct {
	// secretRef names the Secret with the webhooks' URLs. A Secret with one URL has it under the key url. With
	// several, a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
