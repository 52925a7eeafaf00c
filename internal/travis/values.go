package travis

import (
	"strconv"
	"strings"
	"time"
)

// The methods below convert a value to the type of a field. They never fail: an invalid value counts as
// absent, because it is no reason to lose an event.

// string returns the text of a string or a number.
func (v value) string() string {
	if v.kind == kindText || v.kind == kindNumber {
		return v.text
	}
	return ""
}

// url returns a text, or nothing if it is truncated.
func (v value) url() string {
	if v.kind != kindText || v.cut {
		return ""
	}
	return v.text
}

// int returns a whole number, which may be written as a string.
func (v value) int() (int64, bool) {
	if v.cut || (v.kind != kindNumber && v.kind != kindText) {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.text), 10, 64)
	if err != nil {
		return 0, false
	}
	return n, true
}

// positive returns a whole number above zero, or 0.
func (v value) positive() int64 {
	n, _ := v.int()
	return max(n, 0)
}

// bool returns whether the value is true, which may be written as a string.
func (v value) bool() bool {
	return (v.kind == kindBool || v.kind == kindText) && strings.EqualFold(v.text, "true")
}

// duration returns a number of seconds as a duration, or 0 if it is out of range.
func (v value) duration() time.Duration {
	seconds := v.positive()
	if seconds > maxDurationSeconds {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// The valid years of a build's times. Times after the year 9999 could not be stored as JSON.
const (
	firstYear = 1970
	lastYear  = 9998
)

// timeLayouts are the formats of times in Travis and other Ruby programs. Without a zone they are in UTC,
// as all of Travis' times.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05",
}

// time returns a time, or zero if the value is not a time.
func (v value) time() time.Time {
	if v.kind != kindText || v.cut {
		return time.Time{}
	}
	text := strings.ToUpper(strings.TrimSpace(v.text))
	for _, layout := range timeLayouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Year() < firstYear || t.Year() > lastYear {
			return time.Time{}
		}
		return t
	}
	return time.Time{}
}
