package server

import "time"

// Every bound of the API, and why it is what it is.
const (
	// MaxHeader is the size of a request's headers: a token with many claims or groups takes
	// some kB, and arrives twice.
	MaxHeader = 64 << 10

	// maxToken is the size of a token that the API server is asked about.
	maxToken = 24 << 10

	// maxBody is the size of a question: a redrive that names maxIDs deliveries fits.
	maxBody = 64 << 10

	// maxIDs is how many deliveries one redrive may name. More go by route or all at once.
	maxIDs = 1000

	// maxListed is how many deliveries one answer lists.
	maxListed = 10_000

	// maxUnderWay bounds the requests that are answered at the same time. People ask; machines
	// that ask more have to wait, so that webhooks never do.
	maxUnderWay = 16

	// requestTimeout ends a request, a test message to a room that hangs included.
	requestTimeout = 45 * time.Second

	// reviewTimeout ends one question to the API server.
	reviewTimeout = 5 * time.Second

	// maxReviews bounds the questions to the API server that one request may bring about. Who
	// may read a whole namespace costs one for all its routes.
	maxReviews = 100

	// ReviewQPS and ReviewBurst bound the questions to the API server overall, those about
	// tokens that strangers make up included. They are of a client of their own, so that none
	// of that slows status or leases down.
	ReviewQPS   = 20
	ReviewBurst = 60

	// identityFor is how long the owner of a token is remembered: as long as a token that was
	// revoked is still taken. A minute is less than an API server's own webhooks remember.
	identityFor   = time.Minute
	maxIdentities = 1000

	// rightFor is how long a right, or its lack, is remembered.
	rightFor  = 10 * time.Second
	maxRights = 10_000

	// headerTimeout, readTimeout and idleTimeout are for slow clients; writeTimeout covers the
	// answer, and so is longer than requestTimeout.
	headerTimeout = 10 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = requestTimeout + 15*time.Second
	idleTimeout   = 2 * time.Minute

	// ShutdownTimeout is what requests under way get to end in when the operator stops.
	ShutdownTimeout = 5 * time.Second
)
