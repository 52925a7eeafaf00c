package server

import "time"

// The bounds of the API.
const (
	// MaxHeader is the size of a request's headers: a token with many claims or groups takes some kB,
	// and comes twice.
	MaxHeader = 64 << 10

	// maxToken is the size of a token.
	maxToken = 24 << 10

	// maxBody is the size of a request's body: a redrive of maxIDs deliveries fits.
	maxBody = 64 << 10

	// maxIDs is the number of deliveries that one redrive may name. More go by route or all at once.
	maxIDs = 1000

	// maxListed is the number of deliveries in one response.
	maxListed = 2_000
	// maxRedriven is how many dead letters are redriven in one step; a request takes as many as it needs.
	maxRedriven = 2_000

	// maxUnderWay bounds concurrent requests of authenticated callers, so that they never delay
	// webhooks; maxAuthenticating those whose caller is not known yet, so that invalid tokens never
	// delay callers who are.
	maxUnderWay       = 16
	maxAuthenticating = 8

	// requestTimeout bounds a request, including a test message to a channel that hangs.
	requestTimeout = 45 * time.Second

	// reviewTimeout bounds one request to the API server.
	reviewTimeout = 5 * time.Second

	// maxReviews bounds the access reviews of one request. A right on a whole namespace costs one for all
	// its routes.
	maxReviews = 100

	// ReviewQPS and ReviewBurst bound the requests to the API server, for authentication and for
	// authorization each. They have clients of their own, so that they slow down neither status nor
	// leases.
	ReviewQPS   = 20
	ReviewBurst = 60

	// userFor is how long the user of a token is cached, and so how long a revoked token is still
	// accepted. A minute is less than an API server's own webhook cache.
	userFor    = time.Minute
	maxUsers   = 1000
	maxInvalid = 1000

	// identityFor is how long a CertificateSigningRequest proves an identity.
	identityFor = 10 * time.Minute

	// rightFor is how long a right, or its absence, is cached.
	rightFor  = 10 * time.Second
	maxRights = 10_000

	// headerTimeout, readTimeout and idleTimeout are for slow clients. writeTimeout includes the handling,
	// so it is longer than requestTimeout.
	headerTimeout = 10 * time.Second
	readTimeout   = 15 * time.Second
	writeTimeout  = requestTimeout + 15*time.Second
	idleTimeout   = 2 * time.Minute

	// ShutdownTimeout is how long requests may take to end when the operator stops.
	ShutdownTimeout = 5 * time.Second
)
