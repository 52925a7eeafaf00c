package routing

import (
	"k8s.io/apimachinery/pkg/types"

	"github.com/travishook/travishook/api/v1alpha1"
	"github.com/travishook/travishook/internal/notify"
)

// Config configures a Compiler.
type Config struct {
	// OperatorNamespace is the one whose TravisDefaults serves the whole cluster.
	OperatorNamespace string
	// Services are the chat services by name.
	Services map[string]notify.Service
	// DestinationKey is the key of the hashes that name destinations. All replicas need the same, and after
	// a restart, too.
	DestinationKey []byte
	// CheckMessage returns what is wrong with a template. Nil accepts every template. Once
	// RunChecks runs, it is called by the workers only.
	CheckMessage func(v1alpha1.MessageTemplate) error
	// CheckVersion changes whenever CheckMessage may return something else for the same template. A
	// snapshot's results of another version are not used.
	CheckVersion string
	// Changed is called after a change was published, if it has effects. It must not block;
	// calls for two changes made at once may come in either order.
	Changed func(Changes)
	// FilterFailed is called each time a route's filter fails on an event, which then matches. It must
	// not block.
	FilterFailed func(route types.NamespacedName, err error)
}

// Changes are the effects of a change.
type Changes struct {
	Routes   []types.NamespacedName // whose verdict changed
	Defaults []types.NamespacedName // whose verdict changed
	// Accounts, by the namespace that defines them and their name, that changed or that more
	// namespaces may use: deliveries that failed because of them are retried.
	Accounts []types.NamespacedName
	// Targets are the routes whose channels resolve to other targets than before: their waiting
	// deliveries are retried.
	Targets []types.NamespacedName
	// Deleted are the deleted routes: their deliveries are dropped.
	Deleted []types.NamespacedName
}

// Empty reports whether there are none.
func (c *Changes) Empty() bool {
	return len(c.Routes)+len(c.Defaults)+len(c.Accounts)+len(c.Targets)+len(c.Deleted) == 0
}

// Deliveries reports whether waiting deliveries are affected.
func (c *Changes) Deliveries() bool { return len(c.Accounts)+len(c.Targets)+len(c.Deleted) > 0 }

// Keys are the repositories whose events the operator can verify.
type Keys struct {
	Signed  func(slug string) bool // a key for its signature is configured
	Keyless func(slug string) bool // the settings accept a proof without a signature
	// Awaited names the configured keys that are not known yet, and why; empty once one is.
	Awaited func(slug string) string
}

func (k *Keys) signed(slug string) bool { return k.Signed == nil || k.Signed(slug) }
func (k *Keys) awaited(slug string) string {
	if k.Awaited == nil {
		return ""
	}
	return k.Awaited(slug)
}
func (k *Keys) keyless(slug string) bool { return k.Keyless != nil && k.Keyless(slug) }
