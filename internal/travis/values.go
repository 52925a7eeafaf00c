package travis

import (
	"strconv"
	"strings"
	"time"
)

// The methods below read a value as what a field should be. They never fail: a value that cannot be
// read so is as good as absent, because an odd value is no reason to lose an event.

// string is the text of a string or a number.
func (v value) string() string {
	if v.kind == kindText || v.kind == kindNumber {
		return v.text
	}
	return ""
}

// url is a text that is of no use when it is cut.
func (v value) url() string {
	if v.kind != kindText || v.cut {
		return ""
	}
	return v.text
}

// int is a whole number, be it written as a string.
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

// positive is a whole number above zero, or 0.
func (v value) positive() int64 {
	n, _ := v.int()
	return max(n, 0)
}

// bool is true where the value is, be it written as a string.
func (v value) bool() bool {
	return (v.kind == kindBool || v.kind == kindText) && strings.EqualFold(v.text, "true")
}

// duration is a number of seconds, or 0 where it is out of range.
func (v value) duration() time.Duration {
	seconds := v.positive()
	if seconds > maxDurationSeconds {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// The years that a time of a build can be of. Beyond year 9999 it could not even be stored as JSON.
const (
	firstYear = 1970
	lastYear  = 9998
)

// timeLayouts are how Travis and other programs in Ruby write a time. One without a zone is in UTC,
// as Travis' always are.
var timeLayouts = []string{
	time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04:05-0700",
	"2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05",
}

// time is a time, or zero where the value is none.
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
