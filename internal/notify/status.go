package notify

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter limits the delay that a service may ask for: one wrong header must not stop a channel
// for a year.
const maxRetryAfter = time.Hour

// StatusError classifies an HTTP response by its status and Retry-After; it returns nil for 2xx. detail is
// appended to the error: a harmless excerpt of the body, or empty.
//
//	401, 403                     bad credential
//	407, 408, 425, 429, 5xx      retried, after Retry-After if present
//	anything else                permanent
func StatusError(code int, header http.Header, detail string) error {
	if code >= 200 && code < 300 {
		return nil
	}
	text := fmt.Sprintf("answered %d %s", code, http.StatusText(code))
	if detail != "" {
		text += ": " + detail
	}
	err := errors.New(strings.TrimSpace(text))
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return BadCredential(err)
	case !retryable(code):
		return Permanent(err)
	}
	if wait, ok := ParseRetryAfter(header.Get("Retry-After")); ok {
		return RetryAfter(err, wait)
	}
	return err
}

func retryable(code int) bool {
	switch code {
	case http.StatusProxyAuthRequired, // refused by the proxy, which the administrator can fix
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return code >= 500
}

// ParseRetryAfter parses a Retry-After header, which is a number of seconds or a date (RFC 9110, 10.2.3).
func ParseRetryAfter(header string) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return ClampWait(time.Duration(seconds) * time.Second), true
	}
	if date, err := http.ParseTime(header); err == nil {
		return ClampWait(time.Until(date)), true
	}
	return 0, false
}

// ClampWait limits the delay that a service asks for to between 0 and an hour.
func ClampWait(wait time.Duration) time.Duration {
	return min(max(wait, 0), maxRetryAfter)
}

// Seconds is ClampWait for a number of seconds that a service sent, which may be any number.
func Seconds(seconds float64) time.Duration {
	if !(seconds > 0) { // NaN is not
		return 0
	}
	return ClampWait(time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)))
}
