package v1alpha1

// TeamsAccount is a set of webhooks of Microsoft Teams Workflows, each for one channel or chat.
type TeamsAccount struct {
	// secretRef names the Secret with the webhooks' URLs. A Secret with one URL has it under the key url. With
	// several, a channel's address is the key.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}
