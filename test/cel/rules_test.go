package cel

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// channel is for specs about other fields.
const channel = `channels: [{address: a@example.com}]`

// long is a string of n characters.
func long(n int) string { return strings.Repeat("a", n) }

// An entry without a message is accepted; the others are refused with the message.
func check(ctx SpecContext, kind func(string) *unstructured.Unstructured, spec, says string) {
	GinkgoHelper()
	if says == "" {
		accepted(ctx, kind(spec))
		return
	}
	refused(ctx, kind(spec), says)
}

var _ = DescribeTable("a TravisRoute", func(ctx SpecContext, spec, says string) { check(ctx, route, spec, says) },
	Entry("the smallest", `{repository: example/example, channels: [{address: a@example.com}]}`, ""),
	Entry("without a spec", `{}`, "spec.repository: Required value"),

	Entry("repository with every character", `{repository: Ex_am-ple.1/~x, `+channel+`}`, ""),
	Entry("repository by its URL", `{repository: "https://travis-ci.com/example/example", `+channel+`}`,
		"a repository is owner/name, as in the URL of its page on Travis, such as example/example"),
	Entry("repository without an owner", `{repository: example, `+channel+`}`, "a repository is owner/name"),
	Entry("all of an owner's repositories", `{repository: example/*, `+channel+`}`, ""),
	Entry("repositories by a glob", `{repository: "example/app-?*", `+channel+`}`, ""),
	Entry("owners by a glob", `{repository: ex*/example, `+channel+`}`, "a repository is owner/name"),
	Entry("repository of the longest name", `{repository: a/`+long(138)+`, `+channel+`}`, ""),
	Entry("repository of a longer name", `{repository: a/`+long(139)+`, `+channel+`}`, "spec.repository: Too long"),

	Entry("no channels", `{repository: example/example, channels: []}`, "spec.channels in body should have at least 1 items"),
	Entry("channel by account alone", `{repository: example/example, channels: [{account: hook}]}`, ""),
	Entry("channel of nothing", `{repository: example/example, channels: [{}]}`,
		"a channel needs an address, an account whose Secret has the address, or both"),
	Entry("two accounts at one address", `{repository: example/example, channels: [{account: a, address: x}, {account: b, address: x}]}`, ""),
	Entry("the same channel twice", `{repository: example/example, channels: [{address: x}, {address: x}]}`, "spec.channels[1]: Duplicate value"),
	Entry("address of two lines", `{repository: example/example, channels: [{address: "a\nb"}]}`, "an address is one line without control characters"),

	Entry("updates alone", `{repository: example/example, `+channel+`, message: {updates: Edit}}`, ""),
	Entry("an empty message", `{repository: example/example, `+channel+`, message: {}}`, "a message sets its text, updates, silent or mention"),
	Entry("silent and mention alone", `{repository: example/example, `+channel+`, message: {silent: [passed], mention: AuthorAndPullRequests}}`, ""),
	Entry("silent for nothing", `{repository: example/example, `+channel+`, message: {silent: []}}`, ""),
	Entry("an unknown mention", `{repository: example/example, `+channel+`, message: {mention: Everybody}}`, `supported values: "None", "Author", "AuthorAndPullRequests"`),
	Entry("unknown updates", `{repository: example/example, `+channel+`, message: {updates: Always}}`, `supported values: "Separate", "Edit", "Thread"`),
	Entry("every event by name", `{repository: example/example, `+channel+`, events: [pending, passed, fixed, broken, failed, still_failing, errored, canceled, success, failure]}`, ""),
	Entry("* alone", `{repository: example/example, `+channel+`, events: ["*"]}`, ""),
	Entry("* with others", `{repository: example/example, `+channel+`, events: [passed, "*"]}`,
		"* is every event, so it must be the only item: remove the others, or remove *"),
	Entry("an unknown event", `{repository: example/example, `+channel+`, events: [succes]}`,
		`supported values: "pending", "passed", "fixed", "broken", "failed", "still_failing", "errored", "canceled", "success", "failure", "*"`),
	Entry("an event twice", `{repository: example/example, `+channel+`, events: [passed, passed]}`, `spec.events[1]: Duplicate value: "passed"`),
	Entry("an empty list of events", `{repository: example/example, `+channel+`, events: []}`,
		"an empty list would announce nothing: omit events to follow the defaults, or set suspend to stop the route"),

	Entry("branches", `{repository: example/example, `+channel+`, branches: {include: [main, "release/*"], exclude: []}}`, ""),
	Entry("an empty branch", `{repository: example/example, `+channel+`, branches: {include: [""]}}`, "should be at least 1 chars long"),
	Entry("every build type", `{repository: example/example, `+channel+`, buildTypes: [push, pull_request, cron, api]}`, ""),
	Entry("an unknown build type", `{repository: example/example, `+channel+`, buildTypes: [pr]}`, `supported values: "push", "pull_request", "cron", "api"`),
	Entry("no build type", `{repository: example/example, `+channel+`, buildTypes: []}`, "omit buildTypes for all of them"),

	Entry("a filter", `{repository: example/example, `+channel+`, filter: 'build.duration > duration("10m")'}`, ""),
	Entry("the longest filter", `{repository: example/example, `+channel+`, filter: `+long(2048)+`}`, ""),
	Entry("a longer filter", `{repository: example/example, `+channel+`, filter: `+long(2049)+`}`, "spec.filter: Too long"),
	Entry("a message", `{repository: example/example, `+channel+`, message: {text: "%{result}"}}`, ""),
	Entry("a Go message", `{repository: example/example, `+channel+`, message: {text: "{{.}}", syntax: Go}}`, ""),
	Entry("a message in another syntax", `{repository: example/example, `+channel+`, message: {text: x, syntax: Jinja}}`, `supported values: "Travis", "Go"`),
	Entry("an empty message", `{repository: example/example, `+channel+`, message: {text: ""}}`, "spec.message.text in body should be at least 1 chars long"),
	Entry("a repository's number", `{repository: example/example, `+channel+`, repositoryID: 9007199254740991}`, ""),
	Entry("a repository's number of zero", `{repository: example/example, `+channel+`, repositoryID: 0}`, "should be greater than or equal to 1"),
	Entry("a repository's number of more than all", `{repository: example/example, `+channel+`, repositoryID: 9007199254740992}`, "should be less than or equal to"),
	Entry("suspended", `{repository: example/example, `+channel+`, suspend: true}`, ""),
)

// account is one in a list of accounts.
func account(fields string) string { return `{accounts: [{name: a, ` + fields + `}]}` }

var _ = DescribeTable("a TravisDefaults", func(ctx SpecContext, spec, says string) { check(ctx, defaults, spec, says) },
	Entry("an empty one", `{}`, ""),
	Entry("events", `{events: [passed, failure]}`, ""),
	Entry("* with others", `{events: [passed, "*"]}`, "* is every event, so it must be the only item"),
	Entry("no events", `{events: []}`, "omit events for the built-in defaults"),
	Entry("a default account", `{account: jabber}`, ""),
	Entry("a message", `{message: {text: x}}`, ""),

	Entry("an XMPP account", account(`xmpp: {jid: ci@example.com, server: "xmpp.example.com:5222", nickname: travis, secretRef: {name: jabber}}`), ""),
	Entry("an XMPP server by address", account(`xmpp: {jid: ci@example.com, server: "[2001:db8::1]:5222", secretRef: {name: jabber}}`), ""),
	Entry("a webhook account", account(`webhook: {format: CloudEvents, secretRef: {name: hook}}`), ""),
	Entry("a Slack account", account(`slack: {secretRef: {name: slack}}`), ""),
	Entry("an e-mail account", account(`email: {server: "smtp.example.com:587", from: "Travis CI <ci@example.com>", tls: StartTLS, secretRef: {name: mail}}`), ""),
	Entry("an e-mail account without a Secret", account(`email: {server: "10.0.0.1:25", from: ci@example.com, tls: None}`), ""),
	Entry("a sender that is no address", account(`email: {server: "smtp.example.com:587", from: CI}`), "from is an e-mail address, such as ci@example.com"),
	Entry("a mail server without a port", account(`email: {server: smtp.example.com, from: ci@example.com}`), "a server is host:port, such as smtp.example.com:587"),
	Entry("an IRC account", account(`irc: {server: "irc.libera.chat:6697", nickname: "travis-ci[x]", tls: TLS, style: Message, linesPerMinute: 60, secretRef: {name: irc}}`), ""),
	Entry("an IRC account without a Secret", account(`irc: {server: "irc.example.com:6667", nickname: ci, tls: None}`), ""),
	Entry("a Matrix account", account(`matrix: {server: "https://matrix.example.com", secretRef: {name: matrix}}`), ""),
	Entry("a Matrix account whose Secret has the server", account(`matrix: {secretRef: {name: matrix}}`), ""),
	Entry("a Matrix account without a Secret", account(`matrix: {server: "https://matrix.example.com"}`), "secretRef: Required value"),
	Entry("a Matrix server's name", account(`matrix: {server: example.com, secretRef: {name: matrix}}`), "a server is a URL, such as https://matrix.example.com"),
	Entry("a nickname that begins with a digit", account(`irc: {server: "irc.example.com:6697", nickname: 1ci}`), "begins with a letter, such as travis-ci"),
	Entry("a nickname of two words", account(`irc: {server: "irc.example.com:6697", nickname: "c i"}`), "begins with a letter, such as travis-ci"),
	Entry("a Zulip account", account(`zulip: {server: "https://example.zulipchat.com", secretRef: {name: zulip}}`), ""),
	Entry("a Zulip server that is no URL", account(`zulip: {server: example.zulipchat.com, secretRef: {name: zulip}}`), "a server is a URL, such as https://example.zulipchat.com"),
	Entry("a PagerDuty account", account(`pagerduty: {region: EU, severity: critical, secretRef: {name: pagerduty}}`), ""),
	Entry("another region", account(`pagerduty: {region: eu, secretRef: {name: pagerduty}}`), `supported values: "US", "EU"`),
	Entry("another severity", account(`pagerduty: {severity: high, secretRef: {name: pagerduty}}`), `supported values: "critical", "error", "warning", "info"`),
	Entry("an account of no service", `{accounts: [{name: a}]}`, "an account has exactly one service block, such as slack"),
	Entry("an account of two services", account(`slack: {secretRef: {name: a}}, webhook: {secretRef: {name: a}}`), "an account has exactly one service block"),
	Entry("an account's name", `{accounts: [{name: Jabber, slack: {secretRef: {name: a}}}]}`,
		"an account's name consists of lower-case letters, digits and inner dashes, such as jabber"),
	Entry("two accounts of one name", `{accounts: [{name: a, slack: {secretRef: {name: a}}}, {name: a, slack: {secretRef: {name: a}}}]}`, "Duplicate value"),
	Entry("a jid with a resource", account(`xmpp: {jid: ci@example.com/x, secretRef: {name: a}}`), "a jid is the account's bare address without a resource, such as ci@example.com"),
	Entry("a server without a port", account(`xmpp: {jid: ci@example.com, server: xmpp.example.com, secretRef: {name: a}}`), "a server is host:port, such as xmpp.example.com:5222"),
	Entry("an account without a Secret", account(`xmpp: {jid: ci@example.com}`), "secretRef: Required value"),
	Entry("a Secret's name", account(`slack: {secretRef: {name: "a/b"}}`), "a Secret's name consists of lower-case letters, digits, and inner dots and dashes"),
	Entry("another format", account(`webhook: {format: XML, secretRef: {name: a}}`), `supported values: "JSON", "CloudEvents"`),

	Entry("for all namespaces", account(`slack: {secretRef: {name: a}}, allowedNamespaces: {from: All}`), ""),
	Entry("for chosen namespaces", account(`slack: {secretRef: {name: a}}, allowedNamespaces: {from: Selector, selector: {matchLabels: {a: b}}}`), ""),
	Entry("a selection of nothing", account(`slack: {secretRef: {name: a}}, allowedNamespaces: {}`), "from: Required value"),
	Entry("a selector that is not used", account(`slack: {secretRef: {name: a}}, allowedNamespaces: {from: All, selector: {}}`),
		"from: Selector needs a selector, and All and Same have none"),
	Entry("a selector that is missing", account(`slack: {secretRef: {name: a}}, allowedNamespaces: {from: Selector}`),
		"from: Selector needs a selector"),
	Entry("addresses", account(`slack: {secretRef: {name: a}}, allowedAddresses: ["#*"]`), ""),
	Entry("no addresses", account(`slack: {secretRef: {name: a}}, allowedAddresses: []`), "should have at least 1 items"),

	Entry("a grant", `{signatureOnly: {namespaces: {from: Same}, repositories: ["example/*", "*/*", "example/?"]}}`, ""),
	Entry("a grant without namespaces", `{signatureOnly: {repositories: ["*/*"]}}`, "spec.signatureOnly.namespaces: Required value"),
	Entry("a grant of nothing", `{signatureOnly: {namespaces: {from: All}, repositories: []}}`, "should have at least 1 items"),
	Entry("a grant by owner", `{signatureOnly: {namespaces: {from: All}, repositories: [example]}}`,
		"a pattern of repositories is owner/name with * in either, such as example/* or */*"),
)

var _ = It("has one TravisDefaults in a namespace", func(ctx SpecContext) {
	other := defaults(`{}`)
	other.SetName("other")
	refused(ctx, other, "a namespace has one TravisDefaults, and its name is default")
})
