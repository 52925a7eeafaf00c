package deliveryapi

// Cause says why no message was delivered.
type Cause string

// The causes, in the order of a webhook's way through the operator.
const (
	// No webhook was received, or not as Travis sends it.
	CauseNotDeclared    Cause = "not_declared"       // no route of the namespace names the repository
	CauseNothingArrived Cause = "nothing_arrived"    // no webhook for the repository or the build
	CauseFiltered       Cause = "filtered_at_travis" // Travis sent webhooks of other builds only
	CauseSimilarArrived Cause = "similar_arrived"    // webhooks of a similar repository name were received
	CauseSimilarRoute   Cause = "similar_route"      // a route names a similar repository
	CauseRedirected     Cause = "redirected"         // a redirect lost the event
	CauseJSON           Cause = "json"               // .travis.yml says msteams: true
	CauseMalformed      Cause = "malformed"          // not what Travis sends, or too large

	// The webhook was not authorized.
	CauseNotSetUp        Cause = "not_set_up"       // no token or grant, or no key
	CauseUnsigned        Cause = "unsigned"         // no signature
	CauseWrongSignature  Cause = "wrong_signature"  // signed with an unknown key
	CauseNoProof         Cause = "no_proof"         // the webhook URL has no proof
	CauseWrongProof      Cause = "wrong_proof"      // the proof is that of another token
	CauseSpelling        Cause = "spelling"         // token or route spell the repository unlike Travis
	CauseOtherRepository Cause = "other_repository" // another repository took over the name
	CauseStale           Cause = "stale"            // the build ended too long ago
	CauseSeen            Cause = "seen"             // a replay

	// The webhook could not be stored.
	CauseRefusing Cause = "refusing"       // the store accepts no events at the moment
	CauseDamaged  Cause = "store_damaged"  // the store lost events
	CauseShare    Cause = "share_exceeded" // the namespace's share of the store is used up
	CauseLost     Cause = "lost"           // answered 503; Travis does not retry

	// A route did not match.
	CauseNotReady   Cause = "not_ready" // the route's status says what is wrong
	CauseSuspended  Cause = "suspended"
	CauseEvents     Cause = "events"
	CauseOnStart    Cause = "on_start" // Travis sends pending with on_start: always only
	CauseBuildTypes Cause = "build_types"
	CauseBranches   Cause = "branches"
	CauseFilter     Cause = "filter"

	// The delivery waits, or has ended.
	CauseWaitingForAccount Cause = "waiting_for_account" // the account or its Secret is missing or invalid
	CausePaused            Cause = "paused"              // the destination takes no more messages for a while
	CauseRetrying          Cause = "retrying"            // an attempt failed and is retried
	CauseUnderWay          Cause = "under_way"           // waits for its turn
	CauseDead              Cause = "dead"                // a dead letter
	CauseDropped           Cause = "dropped"             // the route or its channel is gone
	CauseSuperseded        Cause = "superseded"          // a newer state of the build was sent instead
	CauseDelivered         Cause = "delivered"           // the service confirmed the message
	CauseForgotten         Cause = "forgotten"           // stored, and the result is no longer known
)
