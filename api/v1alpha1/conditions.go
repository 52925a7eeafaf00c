package v1alpha1

// Conditions of a TravisRoute and of a TravisDefaults.
const (
	// ConditionAccepted is true if the spec is valid by itself.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs is true if everything that the spec refers to was found: accounts, their
	// credentials, and the token or grant that authorizes the namespace for the repository.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionReady is the summary of the others, as kstatus and GitOps tools read it.
	ConditionReady = "Ready"
	// ConditionStalled is true if the spec is wrong, so that waiting does not help. It is absent otherwise.
	// kstatus reads it as failed.
	ConditionStalled = "Stalled"
	// ConditionDelivering is true if a route's messages are delivered: false after repeated failures
	// of one of its channels, true after a success. It is absent before the first message.
	ConditionDelivering = "Delivering"
	// ConditionStoreAvailable, on the TravisDefaults of the operator's own namespace, is true if the
	// operator's store accepts events. While it does not, webhooks are refused and lost. A TravisRoute has
	// it while the events of its namespace are refused, which then has used its share of the store.
	ConditionStoreAvailable = "StoreAvailable"
	// ConditionStoreIntact says, in the same place, whether all that the store accepted can be read. It
	// is false for seven days after something was found damaged or missing.
	ConditionStoreIntact = "StoreIntact"
)

// Reasons of the conditions.
const (
	ReasonAccepted = "Accepted"
	ReasonResolved = "Resolved"
	ReasonReady    = "Ready"
	// ReasonSuspended: spec.suspend is set, and nothing is sent.
	ReasonSuspended = "Suspended"
	// ReasonInvalid: the spec is invalid; the message says where.
	ReasonInvalid = "Invalid"
	// ReasonFilterInvalid: the filter does not compile; the message says where.
	ReasonFilterInvalid = "FilterInvalid"
	// ReasonMessageInvalid: a message's template does not compile, and the default text is sent.
	ReasonMessageInvalid = "MessageInvalid"
	// ReasonPeopleInvalid: something in people is invalid, and is left out.
	ReasonPeopleInvalid = "PeopleInvalid"
	// ReasonAccountNotFound: no account of that name can be used from the namespace.
	ReasonAccountNotFound = "AccountNotFound"
	// ReasonAccountNotAllowed: the shared account may not be used by this namespace, or for this address.
	ReasonAccountNotAllowed = "AccountNotAllowed"
	// ReasonAccountInvalid: the account exists, and its fields or its Secret are invalid.
	ReasonAccountInvalid = "AccountInvalid"
	// ReasonAddressInvalid: the account cannot send to the address.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonSecretNotFound: a Secret that is referred to does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretNotLabeled: it exists without the label that lets the operator read it.
	ReasonSecretNotLabeled = "SecretNotLabeled"
	// ReasonTokenNotFound: there is no token or grant for the repository in this namespace.
	ReasonTokenNotFound = "TokenNotFound"
	// ReasonNoKey: the operator has no public key to verify webhooks of the repository.
	ReasonNoKey = "NoKey"
	// ReasonDelivered: the last message to every channel was delivered.
	ReasonDelivered = "Delivered"
	// ReasonFailing: attempts to send to a channel failed repeatedly, or a message is a dead letter.
	ReasonFailing = "Failing"
	// ReasonStoreAvailable: the store accepts events.
	ReasonStoreAvailable = "StoreAvailable"
	// ReasonStoreFull: the store has reached its limit, and accepts no events until deliveries have ended.
	ReasonStoreFull = "StoreFull"
	// ReasonShareUsed: namespaces have used their share of the store, and their events are refused until
	// deliveries of theirs have ended. Those of others are accepted.
	ReasonShareUsed = "ShareUsed"
	// ReasonStoreUnavailable: the store's disk or its servers do not respond.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonStoreNotOpen: the operator's pod waits until it can open the store; the message says why.
	ReasonStoreNotOpen = "StoreNotOpen"
	// ReasonStoreIntact: nothing was found missing in the last seven days.
	ReasonStoreIntact = "StoreIntact"
	// ReasonEventsLost: a part of the store is damaged or missing; the message says how much.
	ReasonEventsLost = "EventsLost"
)

// Labels and annotations.
const (
	// AnnotationTest on a TravisRoute requests a test message to its channels each time that its value
	// changes; status.test has the result.
	AnnotationTest = "travishook.dev/test"
	// LabelSecretType must be on every Secret that the operator reads.
	LabelSecretType = "travishook.dev/secret-type"
	// SecretTypeToken marks a Secret with the keys repository and token.
	SecretTypeToken = "token"
	// SecretTypeCredential marks a Secret that an account refers to.
	SecretTypeCredential = "credential"
	// SecretTypeKey marks a Secret in the operator's namespace with a public key of Travis, which the
	// operator's settings name.
	SecretTypeKey = "key"
)
