package why

import (
	"fmt"

	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/receiver"
)

// explanation is what a response of the receiver means.
type explanation struct {
	cause  deliveryapi.Cause // empty if the routes' verdicts have the cause
	short  string            // what happened to the webhook
	advice string
}

func explain(reason string) explanation {
	if x, ok := explanations[reason]; ok {
		return x
	}
	return explanation{deliveryapi.CauseMalformed, "rejected: " + reason, "see the operator's log"}
}

// explain explains the answer to the webhook.
func (c *webhookCase) explain() explanation {
	x := explain(c.Reason)
	if c.Reason != receiver.ReasonStale || c.Build == nil {
		return x
	}
	switch t := c.Build.Time; {
	case t.IsZero():
		x.short, x.advice = "dropped: it does not contain when the build started or ended, so it cannot be told from a replay", senderAdvice
	case t.After(c.At):
		x.short = fmt.Sprintf("dropped: the build ended in the future, at %s", formatTime(t))
		x.advice = "check the clocks of the operator's node and of Travis, then restart the build"
	}
	return x
}

const (
	setUpAdvice  = "see the problems of the route: it needs a token or a grant for the repository, and the operator a key"
	lostAdvice   = "Travis does not retry: restart the build, and see the operator's log and metrics"
	proofAdvice  = "the webhook URL in .travis.yml must end with the proof of the namespace's token: kubectl travis token --url prints it"
	senderAdvice = "Travis does not send this: check who else posts to the URL, and what a proxy changes"
)

var explanations = map[string]explanation{
	receiver.ReasonStored:            {short: "stored"},
	receiver.ReasonUnrouted:          {short: "no route matched"},
	receiver.ReasonUnknownRepository: {deliveryapi.CauseNotDeclared, "dropped: no route named the repository at that time", "restart the build to send it again"},
	receiver.ReasonNotSetUp:          {deliveryapi.CauseNotSetUp, "dropped: no token or grant for the repository", setUpAdvice},
	receiver.ReasonSeen:              {deliveryapi.CauseSeen, "dropped: the same event was received before", "restart the build to get another message"},
	receiver.ReasonStale:             {deliveryapi.CauseStale, "dropped: the build ended longer ago than receiver.maxAge allows", "restart the build; if this happens again, check the clocks"},

	receiver.ReasonNoSignature:     {deliveryapi.CauseUnsigned, "rejected: no signature", "it does not come from Travis, or from a Travis that signs nothing and must be listed in trust.keylessRepositories"},
	receiver.ReasonWrongSignature:  {deliveryapi.CauseWrongSignature, "rejected: the signature matches no known key", "it was changed after it was signed, does not come from Travis, or comes from a Travis whose key must be added to trust.keys"},
	receiver.ReasonNoProof:         {deliveryapi.CauseNoProof, "rejected: the webhook URL has no proof", proofAdvice},
	receiver.ReasonWrongProof:      {deliveryapi.CauseWrongProof, "rejected: the proof in the webhook URL is that of another token", proofAdvice},
	receiver.ReasonOtherRepository: {deliveryapi.CauseOtherRepository, "rejected: another repository took over the name", "if it is the right one, set spec.repositoryID to its ID"},

	receiver.ReasonRedirected:  {deliveryapi.CauseRedirected, "lost: a redirect turned it into a GET without the event", "remove the redirect, or use its target as the webhook URL"},
	receiver.ReasonJSON:        {deliveryapi.CauseJSON, "rejected: unsigned JSON, which Travis sends if .travis.yml says msteams: true", "remove msteams: true from notifications.webhooks"},
	receiver.ReasonPath:        {deliveryapi.CauseMalformed, "rejected: posted to another path", "compare the webhook URL in .travis.yml with the output of kubectl travis token --url"},
	receiver.ReasonMethod:      {deliveryapi.CauseMalformed, "rejected: not a POST request", senderAdvice},
	receiver.ReasonNotForm:     {deliveryapi.CauseMalformed, "rejected: not a form", senderAdvice},
	receiver.ReasonBody:        {deliveryapi.CauseMalformed, "rejected: the body ended early or is not form-encoded", senderAdvice},
	receiver.ReasonNoPayload:   {deliveryapi.CauseMalformed, "rejected: the form must have exactly one payload", senderAdvice},
	receiver.ReasonPayload:     {deliveryapi.CauseMalformed, "rejected: the payload is invalid", senderAdvice},
	receiver.ReasonSlugDiffers: {deliveryapi.CauseMalformed, "rejected: header and payload name different repositories", senderAdvice},
	receiver.ReasonHeader:      {deliveryapi.CauseMalformed, "rejected: a header is malformed", senderAdvice},
	receiver.ReasonTooSlow:     {deliveryapi.CauseMalformed, "rejected: the body arrived too slowly", "check proxies and the connection, then restart the build"},
	receiver.ReasonTooLarge:    {deliveryapi.CauseMalformed, "rejected: too large", "shorten the build's configuration, which Travis sends along"},
	receiver.ReasonCompressed:  {deliveryapi.CauseMalformed, "rejected: compressed", senderAdvice},

	receiver.ReasonUnresolved:       {deliveryapi.CauseLost, "lost: the ID of the repository could not be resolved at Travis", "check whether the operator can connect to Travis' API, or set spec.repositoryID; then restart the build"},
	receiver.ReasonNotReady:         {deliveryapi.CauseLost, "lost: the operator was not ready", lostAdvice},
	receiver.ReasonBusy:             {deliveryapi.CauseLost, "lost: too many webhooks at once", lostAdvice},
	receiver.ReasonStoreFull:        {deliveryapi.CauseLost, "lost: the store was full", lostAdvice},
	receiver.ReasonStoreShare:       {deliveryapi.CauseLost, "lost: the namespace had used its share of the store", "Travis does not retry: fix or remove the channels that accept no messages, which kubectl travis deliveries lists, then restart the build"},
	receiver.ReasonStoreUnavailable: {deliveryapi.CauseLost, "lost: the store did not respond", lostAdvice},
	receiver.ReasonPanic:            {deliveryapi.CauseLost, "lost: the operator failed", lostAdvice},
}

// ruleCauses are the causes of rules that did not match.
var ruleCauses = map[string]deliveryapi.Cause{
	"accepted":     deliveryapi.CauseNotReady,
	"suspend":      deliveryapi.CauseSuspended,
	"repositoryID": deliveryapi.CauseOtherRepository,
	"events":       deliveryapi.CauseEvents,
	"buildTypes":   deliveryapi.CauseBuildTypes,
	"branches":     deliveryapi.CauseBranches,
	"filter":       deliveryapi.CauseFilter,
	ruleSeen:       deliveryapi.CauseSeen,
	ruleStore:      deliveryapi.CauseLost,
}
