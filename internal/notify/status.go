package notify

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds the wait that a service may ask for: a channel is not to sleep for a
// year because of one wrong header.
const maxRetryAfter = time.Hour

// StatusError classifies an HTTP answer by its status and Retry-After: nil for 2xx. detail
// says what the answer's body told, if that is known to be harmless; it may be empty.
//
//	401, 403                     the credential is refused
//	408, 425, 429, 5xx, 407      tried again, after Retry-After where the service says so
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
	if wait, ok := parseRetryAfter(header.Get("Retry-After")); ok {
		return RetryAfter(err, wait)
	}
	return err
}

func retryable(code int) bool {
	switch code {
	case http.StatusProxyAuthRequired, // the proxy's refusal and the administrator's to mend
		http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return code >= 500
}

// parseRetryAfter reads Retry-After, which is a number of seconds or a date (RFC 9110, 10.2.3).
func parseRetryAfter(header string) (time.Duration, bool) {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return ClampWait(time.Duration(seconds) * time.Second), true
	}
	if date, err := http.ParseTime(header); err == nil {
		return ClampWait(time.Until(date)), true
	}
	return 0, false
}

// ClampWait brings the wait that a service asks for between nothing and an hour.
func ClampWait(wait time.Duration) time.Duration {
	return min(max(wait, 0), maxRetryAfter)
}
