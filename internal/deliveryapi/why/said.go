package why

import (
	"github.com/travishook/travishook/internal/deliveryapi"
	"github.com/travishook/travishook/internal/receiver"
)

// saying is what an answer of the receiver means to people.
type saying struct {
	cause  deliveryapi.Cause // empty where the routes' verdicts tell the cause
	text   string            // of the webhook: it …
	advice string
}

func said(reason string) saying {
	if s, ok := sayings[reason]; ok {
		return s
	}
	return saying{deliveryapi.CauseMalformed, "it was refused: " + reason, "the operator's log says more"}
}

const (
	setUpAdvice  = "see the problems of the route: it needs the repository's token, or a grant under signatureOnly, and the operator a key"
	lostAdvice   = "Travis does not send it again: restart the build, and see the operator's log and metrics"
	proofAdvice  = "the URL in .travis.yml must end with the proof of a token that the namespace has: kubectl travis token prints it"
	senderAdvice = "it is not what Travis sends: look who else posts there, or what a proxy on the way changes"
)

var sayings = map[string]saying{
	receiver.ReasonStored:            {text: "it was stored"},
	receiver.ReasonUnrouted:          {text: "it was believed, and no route wanted it"},
	receiver.ReasonUnknownRepository: {deliveryapi.CauseNotDeclared, "it was dropped, because no route named its repository then", "a webhook that comes now is judged by the routes of now: restart the build"},
	receiver.ReasonNotSetUp:          {deliveryapi.CauseNotSetUp, "it was dropped, because nothing could vouch for the repository", setUpAdvice},
	receiver.ReasonSeen:              {deliveryapi.CauseSeen, "it was dropped, because this very event had come before: a replay", "a restarted build is a new event, so restart it if you want another message"},
	receiver.ReasonStale:             {deliveryapi.CauseStale, "it was dropped, because its build ended longer ago than the setting receiver.maxAge allows", "if Travis was late, restart the build; if it always is, look at the clocks"},

	receiver.ReasonNoSignature:     {deliveryapi.CauseUnsigned, "it was refused, because it was not signed", "either somebody else sent it, or this Travis signs nothing and must be named under trust.keylessRepositories"},
	receiver.ReasonWrongSignature:  {deliveryapi.CauseWrongSignature, "it was refused, because its signature is of no key that may vouch for the repository", "either somebody forged it, or it comes from a Travis whose key is not under trust.keys"},
	receiver.ReasonNoProof:         {deliveryapi.CauseNoProof, "it was refused, because it proved no token", proofAdvice},
	receiver.ReasonWrongProof:      {deliveryapi.CauseWrongProof, "it was refused, because it proved another token than the namespace has", proofAdvice},
	receiver.ReasonOtherRepository: {deliveryapi.CauseOtherRepository, "it was refused, because it came from another repository under the same name than before", "if it is the right one, set spec.repositoryID to its id"},

	receiver.ReasonRedirected:  {deliveryapi.CauseRedirected, "it was lost to a redirect, which made a GET without the event of it", "let no redirect stand in front of the webhook's path, or write the URL that it leads to into .travis.yml"},
	receiver.ReasonJSON:        {deliveryapi.CauseJSON, "it was refused, because it was JSON, which Travis sends unsigned where .travis.yml says msteams: true", "remove that line from notifications.webhooks"},
	receiver.ReasonPath:        {deliveryapi.CauseMalformed, "it was refused, because it was posted to another path", "compare the URL in .travis.yml with the operator's: one segment, the proof, may follow the prefix"},
	receiver.ReasonMethod:      {deliveryapi.CauseMalformed, "it was refused, because it was not posted", senderAdvice},
	receiver.ReasonNotForm:     {deliveryapi.CauseMalformed, "it was refused, because it was no form", senderAdvice},
	receiver.ReasonBody:        {deliveryapi.CauseMalformed, "it was refused, because its body ended early or was not form-encoded", senderAdvice},
	receiver.ReasonNoPayload:   {deliveryapi.CauseMalformed, "it was refused, because its form had not exactly one payload", senderAdvice},
	receiver.ReasonPayload:     {deliveryapi.CauseMalformed, "it was refused, because its payload does not make sense", senderAdvice},
	receiver.ReasonSlugDiffers: {deliveryapi.CauseMalformed, "it was refused, because its header names another repository than its payload", senderAdvice},
	receiver.ReasonTooLarge:    {deliveryapi.CauseMalformed, "it was refused, because it was larger than 4 MiB", "shorten the build's configuration: Travis sends the whole of it along"},
	receiver.ReasonCompressed:  {deliveryapi.CauseMalformed, "it was refused, because it was compressed", senderAdvice},

	receiver.ReasonNotReady:         {deliveryapi.CauseLost, "it was lost, because the operator was not ready", lostAdvice},
	receiver.ReasonBusy:             {deliveryapi.CauseLost, "it was lost, because too many came at once", lostAdvice},
	receiver.ReasonStoreFull:        {deliveryapi.CauseLost, "it was lost, because the store was full", lostAdvice},
	receiver.ReasonStoreUnavailable: {deliveryapi.CauseLost, "it was lost, because the store could not store", lostAdvice},
	receiver.ReasonPanic:            {deliveryapi.CauseLost, "it was lost to a fault of the operator", lostAdvice},
}

// causes of the rules by which a route says no.
var causes = map[string]deliveryapi.Cause{
	"accepted":     deliveryapi.CauseNotReady,
	"suspend":      deliveryapi.CauseSuspended,
	"repositoryID": deliveryapi.CauseOtherRepository,
	"events":       deliveryapi.CauseEvents,
	"buildTypes":   deliveryapi.CauseBuildTypes,
	"branches":     deliveryapi.CauseBranches,
	"filter":       deliveryapi.CauseFilter,
	ruleProof:      deliveryapi.CauseNoProof,
	ruleSeen:       deliveryapi.CauseSeen,
}
