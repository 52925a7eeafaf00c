package trail

import "time"

// The bounds of the trail. With all of them reached it takes some 80 MB; a hundred busy repositories
// take some 10.
const (
	// perRepository bounds the authorized webhooks of a repository: a day of a busy one. No repository
	// displaces another before authorizedOverall or authorizedBytes is reached.
	perRepository     = 50
	authorizedOverall = 20_000
	authorizedBytes   = 32 << 20

	// rejectedPerRepository and rejectedOverall bound webhooks that were not authorized. Anybody can
	// send those, so they must not displace the others.
	rejectedPerRepository = 20
	rejectedOverall       = 5_000

	// undeclaredPerName and undeclaredOverall bound webhooks for repositories that no route names.
	undeclaredPerName = 3
	undeclaredOverall = 200

	// endedPerRepository and endedOverall bound deliveries that were delivered or dropped.
	endedPerRepository = 500
	endedOverall       = 20_000

	// attemptsPerDelivery and attemptsOverall bound attempts.
	attemptsPerDelivery = 10
	attemptsOverall     = 40_000
)

// The bounds of what is stored.
const (
	// saveInterval is how often new records are stored. A crash loses those of the last interval.
	saveInterval = 10 * time.Second
	// saveTimeout bounds the last save when the operator stops.
	saveTimeout = 5 * time.Second

	// keepFor is how long records are kept, and the longest span that counts cover.
	keepFor = 7 * 24 * time.Hour

	// slots of slotBytes each are filled in turn, so that all records together take 4 MiB at most.
	slots     = 32
	slotBytes = 128 << 10

	// unsavedPerRepository and the others bound what one save stores.
	unsavedPerRepository = 20
	unsavedWebhooks      = 1_000
	unsavedEnded         = 2_000
	unsavedAttempts      = 4_000

	// maxStoredBytes bounds what one slot unpacks to, against damage.
	maxStoredBytes = 64 << 20
)

// The bounds of counts, for each hour. A namespace with more reasons than that gets them as "other".
const (
	countsPerNamespace = 200
	countsOverall      = 2_000
	rejectedCounts     = 500
	maxReason          = 120
)

// askTimeout bounds the wait for the other replicas.
const askTimeout = 3 * time.Second
