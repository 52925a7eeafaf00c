package cluster

import (
	"fmt"
	"regexp"
	"strings"
)

// permissions are the permissions that a user of the cluster needs: docs/operations/external-store.md lists
// them for the default name.
func (n names) permissions() (publish, subscribe []string) {
	publish = []string{
		n.subject,
		n.requests + "*",
		n.inbox + ".>", // the answers to such requests
		"$KV." + n.leases + ".>",
		"$JS.API.INFO",
		"$JS.API.STREAM.MSG.GET." + n.stream,
		"$JS.API.STREAM.PURGE." + n.stream,
		"$JS.API.STREAM.PURGE.KV_" + n.leases,
		"$JS.API.DIRECT.GET.KV_" + n.leases + ".>",
		"$JS.API.CONSUMER.CREATE." + n.stream + ".>",
		"$JS.API.CONSUMER.INFO." + n.stream + ".*",
		"$JS.API.CONSUMER.DELETE." + n.stream + ".*",
		"$JS.API.CONSUMER.MSG.NEXT." + n.stream + ".*",
	}
	for _, stream := range []string{n.stream, "KV_" + n.leases} {
		publish = append(publish,
			"$JS.API.STREAM.INFO."+stream,
			"$JS.API.STREAM.CREATE."+stream,
			"$JS.API.STREAM.UPDATE."+stream)
	}
	return publish, []string{n.inbox + ".>", n.requests + "*"}
}

// covers reports whether a permission allows the subject.
func covers(permission, subject string) bool {
	if all, ok := strings.CutSuffix(permission, ">"); ok {
		return strings.HasPrefix(subject, all)
	}
	if one, ok := strings.CutSuffix(permission, "*"); ok {
		rest, found := strings.CutPrefix(subject, one)
		return found && !strings.Contains(rest, ".")
	}
	return permission == subject
}

// denied finds the subject in the server's words, and what was to be done with it.
var denied = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]+)"`)

// explainDenied says what must be allowed for what was denied.
func (n names) explainDenied(err error) error {
	said := denied.FindStringSubmatch(err.Error())
	if said == nil {
		return fmt.Errorf("the user lacks a permission: %w", err)
	}
	publish, subscribe := n.permissions()
	verb, permissions := "publish", publish
	if strings.EqualFold(said[1], "subscription") {
		verb, permissions = "subscribe", subscribe
	}
	subject := said[2]
	for _, p := range permissions {
		if covers(p, subject) {
			subject = p
		}
	}
	return fmt.Errorf("the user may not %s to %s: allow that, and the other permissions in docs/operations/external-store.md", verb, subject)
}
