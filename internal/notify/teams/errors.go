package teams

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/travishook/travishook/internal/notify"
)

// errNotWorkflow is an answer that must come from something between the operator and the workflow.
var errNotWorkflow = errors.New("the answer is not a workflow's")

var errorCode = regexp.MustCompile(`^[A-Za-z]{1,80}$`)

// code returns the error code of an answer. Its message is not shown: it may contain the URL.
func code(a notify.Answer) string {
	var r struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(a.Body, &r) != nil || !errorCode.MatchString(r.Error.Code) {
		return ""
	}
	return r.Error.Code
}

// read classifies an answer: usually 202 without a body.
func read(a notify.Answer) error {
	explain := func(advice string) error {
		return fmt.Errorf("answered %d %s: %s", a.Status, strings.TrimSpace(http.StatusText(a.Status)+" "+code(a)), advice)
	}
	switch {
	case a.Status >= 200 && a.Status < 300:
		if strings.Contains(a.Header.Get("Content-Type"), "html") {
			return notify.AnswerLost(errNotWorkflow)
		}
		return nil
	case code(a) == "WorkflowTriggerIsNotEnabled" || code(a) == "WorkflowIsDisabled":
		return notify.Permanent(explain("the workflow is turned off: turn it on in Power Automate"))
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return notify.BadCredential(explain("the URL's signature is not valid, or not anyone can trigger the workflow: copy its URL again"))
	case a.Status == http.StatusNotFound || a.Status == http.StatusGone:
		return notify.BadCredential(explain("the workflow was deleted: make a new one and set its URL"))
	}
	return notify.StatusError(a.Status, a.Header, code(a))
}
