package settings

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as a string: 90s, 24h.
type Duration time.Duration

// UnmarshalJSON accepts the format of time.ParseDuration.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf(`%s is not a duration; use a string such as "90s" or "24h"`, b)
	}
	v, err := time.ParseDuration(s)
	if days, found := strings.CutSuffix(s, "d"); err != nil && found {
		if n, err := strconv.Atoi(days); err == nil {
			return fmt.Errorf(`%q is not a duration; use "%dh"`, s, 24*n)
		}
	}
	if err != nil {
		return fmt.Errorf(`%q is not a duration; use one such as "90s" or "24h"`, s)
	}
	*d = Duration(v)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// String returns the shortest form: 24h, not 24h0m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(s) - len(zero) + 1; n > 0 && s[n-1:] == zero {
			s = s[:n]
		}
	}
	return s
}
