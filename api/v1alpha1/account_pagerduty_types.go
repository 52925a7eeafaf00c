package v1alpha1

// PagerDutyAccount is a set of Events API v2 integrations of PagerDuty's services.
type PagerDutyAccount struct {
	// region is the service region of the PagerDuty account.
	//
	// +optional
	// +default="US"
	Region PagerDutyRegion `json:"region,omitempty"`

	// severity is the severity of the alerts.
	//
	// +optional
	// +default="error"
	Severity PagerDutySeverity `json:"severity,omitempty"`

	// secretRef names the Secret with the integration keys. A Secret with one integration key has it under the
	// key routingKey. With several, a channel's address is the key of the Secret.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// PagerDutyRegion is a service region of PagerDuty.
//
// +kubebuilder:validation:Enum=US;EU
// +kubebuilder:validation:MaxLength=16
type PagerDutyRegion string

// PagerDutySeverity is the severity of an alert in PagerDuty.
//
// +kubebuilder:validation:Enum=critical;error;warning;info
// +kubebuilder:validation:MaxLength=16
type PagerDutySeverity string
