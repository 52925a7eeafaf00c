package matrix

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"github.com/travishook/travishook/internal/notify"
)

// errNotMatrix is an answer that must come from something between the operator and the homeserver.
var errNotMatrix = errors.New("the answer is not a homeserver's")

// Error codes that are handled one by one.
const (
	forbidden    = "M_FORBIDDEN"
	notFound     = "M_NOT_FOUND"
	limited      = "M_LIMIT_EXCEEDED"
	unknown      = "M_UNKNOWN"
	unrecognized = "M_UNRECOGNIZED"
)

// refusal is the error of a response with an error code.
type refusal struct {
	status int
	code   string
	says   string // what to do
}

func (e *refusal) Error() string {
	return fmt.Sprintf("answered %d %s: %s", e.status, e.code, e.says)
}

// codeOf returns the error code that a homeserver answered, or nothing.
func codeOf(err error) string {
	if r, ok := errors.AsType[*refusal](err); ok {
		return r.code
	}
	return ""
}

// advice is what to do about the error codes of any request.
var advice = map[string]string{
	"M_UNKNOWN_TOKEN":           "the access token is not valid, or its session was logged out: log in again, and put the new token into the Secret",
	"M_MISSING_TOKEN":           "the access token did not arrive: a proxy may remove it",
	"M_USER_DEACTIVATED":        "the bot's account is deactivated: use another one",
	"M_USER_LOCKED":             "the bot's account is locked: ask the homeserver's administrator to unlock it",
	"M_USER_SUSPENDED":          "the bot's account is suspended: ask the homeserver's administrator",
	"M_RESOURCE_LIMIT_EXCEEDED": "the homeserver has reached a limit: ask its administrator",
	"M_USER_LIMIT_EXCEEDED":     "the bot's account has reached a limit: ask the homeserver's administrator",
	"M_TOO_LARGE":               "shorten the route's message",
	forbidden:                   "the bot may not send messages in the room: raise its power level to what messages need",
	notFound:                    "there is no such room: correct the address",
	unrecognized:                "the server does not know the request: correct the account's server to the homeserver's URL",
}

// joinAdvice is what to do if the bot cannot join a room.
var joinAdvice = map[string]string{
	forbidden:                     "the bot is not in the room, and may not join it: invite it, after lifting a ban",
	notFound:                      "there is no such room, or the homeserver does not find it: correct the address, or invite the bot",
	"M_INCOMPATIBLE_ROOM_VERSION": "the homeserver does not know the room's version: upgrade it",
	"M_UNSUPPORTED_ROOM_VERSION":  "the homeserver does not know the room's version: upgrade it",
}

// advise returns err with what to do according to a request's own advice.
func advise(err error, by map[string]string) error {
	r, ok := errors.AsType[*refusal](err)
	if !ok || by[r.code] == "" {
		return err
	}
	return notify.Permanent(&refusal{r.status, r.code, by[r.code]})
}

// failure is the body of a response that is an error. Its text is not shown: any server of the network may have
// written it.
type failure struct {
	Code         string  `json:"errcode"`
	RetryAfterMS float64 `json:"retry_after_ms"` // what older homeservers send in place of Retry-After
}

var errorCode = regexp.MustCompile(`^[A-Z][A-Z0-9_.]{1,60}$`)

// read decodes the body of a response into result, or classifies its error.
func read(a notify.Answer, result any) error {
	if a.Status >= 200 && a.Status < 300 {
		if json.Unmarshal(a.Body, result) != nil {
			return notify.AnswerLost(errNotMatrix)
		}
		return nil
	}
	var f failure
	_ = json.Unmarshal(a.Body, &f) // what is missing is not a homeserver's
	if !errorCode.MatchString(f.Code) {
		f.Code = ""
	}
	return classify(a, f)
}

func classify(a notify.Answer, f failure) error {
	says := advice[f.Code]
	if says == "" {
		says = "the homeserver does not accept it"
	}
	err := error(&refusal{a.Status, f.Code, says})
	switch f.Code {
	case limited:
		return limit(a.Header, f)
	case "M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED":
		return notify.BadCredential(err)
	case "M_RESOURCE_LIMIT_EXCEEDED", "M_USER_LIMIT_EXCEEDED":
		return err
	case "":
		if a.Status == http.StatusNotFound || a.Status == http.StatusMethodNotAllowed {
			return notify.Permanent(errors.New("answered " + strconv.Itoa(a.Status) + ": " + advice[unrecognized]))
		}
	}
	switch {
	case a.Status == http.StatusTooManyRequests:
		return limit(a.Header, f)
	case f.Code == "" || f.Code == unknown || a.Status >= 500:
		return notify.StatusError(a.Status, a.Header, f.Code)
	}
	return notify.Permanent(err)
}

// limit is the refusal of a request because there were too many.
func limit(header http.Header, f failure) error {
	err := notify.StatusError(http.StatusTooManyRequests, header, "")
	if _, told := notify.RetryAfterOf(err); !told && f.RetryAfterMS > 0 {
		return notify.RetryAfter(err, notify.Seconds(f.RetryAfterMS/1000))
	}
	return err
}
