package simulation

import "time"

// dice makes decisions. It is a hash of the seed and of a path of labels and numbers that names the
// decision, so the answer does not depend on when or how often anything else is asked.
type dice uint64

// of returns the dice for a decision below d.
func (d dice) of(label string, numbers ...uint64) dice {
	h := uint64(d)
	for i := range len(label) {
		h = (h ^ uint64(label[i])) * 0x100000001b3
	}
	for _, n := range numbers {
		h = mix(h ^ n)
	}
	return dice(mix(h))
}

// mix is the finalizer of splitmix64.
func mix(h uint64) uint64 {
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// fraction is in [0, 1).
func (d dice) fraction() float64 { return float64(mix(uint64(d))>>11) / (1 << 53) }

// chance reports true with probability p.
func (d dice) chance(p float64) bool { return d.fraction() < p }

// number is in [low, high].
func (d dice) number(low, high int) int {
	return low + int(mix(uint64(d))%uint64(high-low+1))
}

// duration is in [low, high), down to the nanosecond: so two things seldom happen at one instant.
func (d dice) duration(low, high time.Duration) time.Duration {
	return low + time.Duration(d.fraction()*float64(high-low))
}

// skewed is in [low, high), and short more often than long.
func (d dice) skewed(low, high time.Duration) time.Duration {
	f := d.fraction()
	return low + time.Duration(f*f*f*float64(high-low))
}

// between is in [low, high), and small more often than large.
func (d dice) between(low, high float64) float64 {
	f := d.fraction()
	return low + f*f*(high-low)
}
