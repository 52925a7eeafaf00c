package v1alpha1

// Account is the bot's identity on a chat service. Exactly one service must be set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.xmpp), has(self.webhook), has(self.slack), has(self.discord), has(self.email), has(self.mattermost), has(self.telegram), has(self.teams), has(self.rocketchat), has(self.irc), has(self.googlechat), has(self.matrix), has(self.zulip), has(self.pagerduty)].filter(x, x).size() == 1",message="an account has exactly one service block, such as slack"
type Account struct {
	// name is the name by which channels refer to the account.
	//
	// +required
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="an account's name consists of lower-case letters, digits and inner dashes, such as jabber"
	Name string `json:"name"`

	// xmpp sends to XMPP multi-user chat rooms. A channel's address is a room, such as
	// example@conference.example.com.
	//
	// +optional
	XMPP *XMPPAccount `json:"xmpp,omitempty"`

	// webhook posts each event to an HTTP endpoint, as JSON.
	//
	// +optional
	Webhook *WebhookAccount `json:"webhook,omitempty"`

	// slack sends to Slack channels, as an app with a bot token or through incoming webhooks.
	//
	// +optional
	Slack *SlackAccount `json:"slack,omitempty"`

	// discord sends to Discord channels through their webhooks.
	//
	// +optional
	Discord *DiscordAccount `json:"discord,omitempty"`

	// email sends e-mail through a mail server. A channel's address is one recipient, such as
	// team@example.com.
	//
	// +optional
	Email *EmailAccount `json:"email,omitempty"`

	// mattermost sends to Mattermost channels, as a bot or through incoming webhooks.
	//
	// +optional
	Mattermost *MattermostAccount `json:"mattermost,omitempty"`

	// telegram sends to Telegram's chats as a bot. A channel's address is a chat's ID, or a public chat's
	// name, such as @builds; a slash and the ID of a topic may follow it.
	//
	// +optional
	Telegram *TelegramAccount `json:"telegram,omitempty"`

	// irc sends to the channels of an IRC network. A channel's address is an IRC channel, such as
	// #builds.
	//
	// +optional
	IRC *IRCAccount `json:"irc,omitempty"`

	// teams sends to Microsoft Teams through the webhooks of its Workflows.
	//
	// +optional
	Teams *TeamsAccount `json:"teams,omitempty"`

	// rocketchat sends to Rocket.Chat's rooms, as a bot or through incoming integrations.
	//
	// +optional
	RocketChat *RocketChatAccount `json:"rocketchat,omitempty"`

	// googlechat sends to Google Chat's spaces through their webhooks.
	//
	// +optional
	GoogleChat *GoogleChatAccount `json:"googlechat,omitempty"`

	// matrix sends to Matrix's rooms, as a user of a homeserver. A channel's address is a room's alias, such as
	// #builds:example.com, or its ID.
	//
	// +optional
	Matrix *MatrixAccount `json:"matrix,omitempty"`

	// zulip sends to the channels of a Zulip organization as a bot. A channel's address is the Zulip
	// channel, such as builds; > and a topic may follow it.
	//
	// +optional
	Zulip *ZulipAccount `json:"zulip,omitempty"`

	// pagerduty opens an alert in PagerDuty when a branch breaks, and resolves it when the branch passes.
	//
	// +optional
	PagerDuty *PagerDutyAccount `json:"pagerduty,omitempty"`

	// allowedNamespaces selects the namespaces whose routes may use the account. It has an effect
	// only in the operator's own namespace, whose accounts are shared. If omitted, all namespaces
	// may use it.
	//
	// +optional
	AllowedNamespaces *NamespaceSelection `json:"allowedNamespaces,omitempty"`

	// allowedAddresses lists globs of the addresses that the account may send to, such as "#*". If omitted, it
	// may send to all addresses.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	AllowedAddresses []Glob `json:"allowedAddresses,omitempty"`
}

// XMPPAccount is an XMPP client account.
type XMPPAccount struct {
	// jid is the account's bare address.
	//
	// +required
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@/[:space:]]+@[^@/[:space:]]+$')",message="a jid is the account's bare address without a resource, such as ci@example.com"
	JID string `json:"jid"`

	// server is the server to connect to, as host:port. If omitted, it is looked up by the domain
	// of the jid.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=261
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9._-]+|[[][0-9A-Fa-f:.]+[]]):[0-9]{1,5}$')",message="a server is host:port, such as xmpp.example.com:5222"
	Server string `json:"server,omitempty"`

	// nickname is the nickname in the rooms. If omitted, it is the part of the jid before the @.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	Nickname string `json:"nickname,omitempty"`

	// secretRef names the Secret. Its key password is required.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// WebhookAccount posts each event to a URL of its Secret.
type WebhookAccount struct {
	// format is the format of the body: JSON, or CloudEvents for the same data as a CloudEvent.
	//
	// +optional
	// +default="JSON"
	Format WebhookFormat `json:"format,omitempty"`

	// secretRef names the Secret with the URLs. It has one URL under the key url, or several, and
	// then a channel's address is the key. If it has the key hmacKey, requests are signed.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// WebhookFormat is a format of a webhook's body.
//
// +kubebuilder:validation:Enum=JSON;CloudEvents
// +kubebuilder:validation:MaxLength=16
type WebhookFormat string

// SlackAccount is a Slack app's bot, or a set of incoming webhooks.
type SlackAccount struct {
	// secretRef names the Secret. If it contains a bot token under the key token, a channel's address is a
	// Slack channel, such as #builds. Otherwise it contains the URLs of incoming webhooks: a single one under
	// the key url, or several under other keys, which are the channels' addresses.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// DiscordAccount is a set of Discord webhooks, each for one channel.
type DiscordAccount struct {
	// secretRef names the Secret with the webhooks' URLs. A Secret with one URL has it under the key url. With
	// several, a channel's address is the key; a slash and the ID of a thread may follow it.
	//
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// SecretReference names a Secret in the same namespace. The Secret must carry the label
// travishook.dev/secret-type: credential.
type SecretReference struct {
	// name is the name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="a Secret's name consists of lower-case letters, digits, and inner dots and dashes"
	Name string `json:"name"`
}
