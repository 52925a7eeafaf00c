package v1alpha1

// Conditions of a TravisRoute and of a TravisDefaults.
const (
	// ConditionAccepted says whether the spec makes sense by itself.
	ConditionAccepted = "Accepted"
	// ConditionResolvedRefs says whether all that the spec refers to was found: accounts, their
	// credentials, and what vouches for the repository.
	ConditionResolvedRefs = "ResolvedRefs"
	// ConditionReady sums the others up, as kstatus and GitOps tools read it.
	ConditionReady = "Ready"
	// ConditionDelivering says whether a route's messages arrive: false after repeated failure in
	// one of its channels, true after a success. It is absent before the first message.
	ConditionDelivering = "Delivering"
	// ConditionStoreAvailable says, on the TravisDefaults of the operator's own namespace, whether the
	// operator's store takes events. While it does not, webhooks are refused and lost.
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
	// ReasonInvalid: the spec does not make sense; the message says where.
	ReasonInvalid = "Invalid"
	// ReasonFilterInvalid: the filter does not compile; the message says where.
	ReasonFilterInvalid = "FilterInvalid"
	// ReasonMessageInvalid: a message's template does not compile, and the built-in line is sent.
	ReasonMessageInvalid = "MessageInvalid"
	// ReasonAccountNotFound: no account of that name can be used from the namespace.
	ReasonAccountNotFound = "AccountNotFound"
	// ReasonAccountNotAllowed: the cluster's account of that name is not for this namespace or address.
	ReasonAccountNotAllowed = "AccountNotAllowed"
	// ReasonAccountInvalid: the account exists, and its block or its Secret is wrong.
	ReasonAccountInvalid = "AccountInvalid"
	// ReasonAddressInvalid: the service cannot have a room of that address.
	ReasonAddressInvalid = "AddressInvalid"
	// ReasonSecretNotFound: a Secret that is referred to does not exist.
	ReasonSecretNotFound = "SecretNotFound"
	// ReasonSecretNotLabelled: it exists without the label that lets the operator read it.
	ReasonSecretNotLabelled = "SecretNotLabelled"
	// ReasonTokenNotFound: nothing vouches for the repository in this namespace.
	ReasonTokenNotFound = "TokenNotFound"
	// ReasonNoKey: the repository is granted on signature alone, and the operator has no key.
	ReasonNoKey = "NoKey"
	// ReasonDelivered: the last message of every channel arrived.
	ReasonDelivered = "Delivered"
	// ReasonFailing: a channel failed repeatedly, or gave a message up.
	ReasonFailing = "Failing"
	// ReasonStoreAvailable: the store takes events.
	ReasonStoreAvailable = "StoreAvailable"
	// ReasonStoreFull: the store has reached its limit, and takes no events until some have ended.
	ReasonStoreFull = "StoreFull"
	// ReasonStoreUnavailable: the store's disk or its servers do not answer.
	ReasonStoreUnavailable = "StoreUnavailable"
	// ReasonStoreIntact: nothing was found missing in the last seven days.
	ReasonStoreIntact = "StoreIntact"
	// ReasonEventsLost: a part of the store is damaged or missing; the message says how much.
	ReasonEventsLost = "EventsLost"
)

// Labels and annotations.
const (
	// AnnotationTest on a TravisRoute has a test message sent to its channels each time that its value
	// changes; status.test tells what came of it.
	AnnotationTest = "travishook.dev/test"
	// LabelSecretType must be on every Secret that the operator is to read.
	LabelSecretType = "travishook.dev/secret-type"
	// SecretTypeToken marks a Secret with the keys repository and token.
	SecretTypeToken = "token"
	// SecretTypeCredential marks a Secret that an account refers to.
	SecretTypeCredential = "credential"
	// SecretTypeKey marks a Secret in the operator's namespace with a key that Travis signs with,
	// which the operator's settings name.
	SecretTypeKey = "key"
)
