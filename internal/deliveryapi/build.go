package deliveryapi

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Build is a build that somebody asks about.
type Build struct {
	// Repository as owner/name, if the build was given as a URL; else empty.
	Repository string
	// Number, ID or both to compare with; a build fits if either is equal.
	Number string
	ID     int64
}

var errNoBuildURL = errors.New("the URL is not that of a build at Travis, such as https://app.travis-ci.com/github/example/example/builds/123456")

// ParseBuild parses a build's number, its ID, or its URL at Travis. Empty text is the zero Build.
func ParseBuild(text string) (Build, error) {
	text = strings.TrimSpace(text)
	if strings.Contains(text, "://") {
		return parseBuildURL(text)
	}
	number := strings.TrimPrefix(text, "#")
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		id = 0
	}
	return Build{Number: number, ID: id}, nil
}

// parseBuildURL parses …/[VCS/]OWNER/NAME/builds/ID.
func parseBuildURL(text string) (Build, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Build{}, errNoBuildURL
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	i := slices.Index(parts, "builds")
	if i < 2 || i+1 >= len(parts) {
		return Build{}, errNoBuildURL
	}
	id, err := strconv.ParseInt(parts[i+1], 10, 64)
	if err != nil || id <= 0 {
		return Build{}, errNoBuildURL
	}
	return Build{Repository: parts[i-2] + "/" + parts[i-1], ID: id}, nil
}

// Any reports whether no particular build was asked for.
func (b Build) Any() bool { return b.Number == "" && b.ID == 0 }

// Is reports whether a build with this number and ID was asked for.
func (b Build) Is(number string, id int64) bool {
	return b.Any() || b.Number != "" && b.Number == number || b.ID != 0 && b.ID == id
}

// String returns the build as people write it.
func (b Build) String() string {
	if b.Number != "" {
		return b.Number
	}
	return strconv.FormatInt(b.ID, 10)
}
