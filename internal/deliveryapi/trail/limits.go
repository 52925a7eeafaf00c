package trail

// Every bound of the trail, and why it is what it is. All of them full take some 80 MB; a hundred
// busy repositories take some 10.
const (
	// perRepository is how many proven webhooks of one repository are remembered: a day of a busy
	// one, and no repository takes another's place before all are full.
	perRepository = 50
	// provenOverall and provenBytes bound those of all repositories, the oldest go first.
	provenOverall = 20_000
	provenBytes   = 32 << 20

	// refusedPerRepository and refusedOverall bound webhooks that proved nothing. They are kept
	// apart, because anybody can send them and must not push out the others.
	refusedPerRepository = 20
	refusedOverall       = 5_000

	// strangersPerName and strangersOverall bound those for repositories that nobody declared.
	strangersPerName = 3
	strangersOverall = 200

	// endedPerRepository and endedOverall bound deliveries that have ended.
	endedPerRepository = 500
	endedOverall       = 20_000

	// attemptsPerDelivery and attemptsOverall bound attempts.
	attemptsPerDelivery = 10
	attemptsOverall     = 40_000
)
