package deliveryapi

// Cause is why no message came, in one of few words.
type Cause string

// The causes, in the order of a webhook's way.
const (
	// Nothing came at all, or not as it should.
	CauseNotDeclared    Cause = "not_declared"    // no route of the namespace names the repository
	CauseNothingArrived Cause = "nothing_arrived" // since the operator started
	CauseSimilarArrived Cause = "similar_arrived" // webhooks came for a name that is almost the same
	CauseSimilarRoute   Cause = "similar_route"   // a route names a repository that is almost the same
	CauseRedirected     Cause = "redirected"      // a redirect on the way ate the event
	CauseJSON           Cause = "json"            // .travis.yml says msteams: true
	CauseMalformed      Cause = "malformed"       // not what Travis sends, or more of it than is taken

	// It could not be believed.
	CauseNotSetUp        Cause = "not_set_up"       // neither token nor grant, or no key
	CauseUnsigned        Cause = "unsigned"         // Travis signed nothing
	CauseWrongSignature  Cause = "wrong_signature"  // signed with another key
	CauseNoProof         Cause = "no_proof"         // the URL ends without the token's proof
	CauseWrongProof      Cause = "wrong_proof"      // the proof is of another token
	CauseOtherRepository Cause = "other_repository" // another repository under the same name
	CauseStale           Cause = "stale"            // too old
	CauseSeen            Cause = "seen"             // a replay

	// It could not be kept.
	CauseRefusing Cause = "refusing" // the store takes no events at this moment
	CauseLost     Cause = "lost"     // answered 503; Travis does not send it again

	// A route did not want it.
	CauseNotReady   Cause = "not_ready" // the route's own status says what is wrong
	CauseSuspended  Cause = "suspended"
	CauseEvents     Cause = "events"
	CauseOnStart    Cause = "on_start" // pending is only sent with on_start: always
	CauseBuildTypes Cause = "build_types"
	CauseBranches   Cause = "branches"
	CauseFilter     Cause = "filter"

	// It is on its way, or its way has ended.
	CauseWaitingForAccount Cause = "waiting_for_account" // the account or its Secret is missing or wrong
	CauseRetrying          Cause = "retrying"            // an attempt failed and another will be made
	CauseUnderWay          Cause = "under_way"           // waits for its turn
	CauseDead              Cause = "dead"                // given up
	CauseDropped           Cause = "dropped"             // the route or its channel is gone
	CauseSuperseded        Cause = "superseded"          // a newer state of the build went out instead
	CauseDelivered         Cause = "delivered"           // the service confirmed that it took it
	CauseForgotten         Cause = "forgotten"           // stored, and what came of it is no longer known
)
